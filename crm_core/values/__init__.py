"""Values: read as what their fields are, judged by the rules, set-wise and whatever they came as."""

from crm_core.values.formats import Reading
from crm_core.values.normalise import Typed, normalise

__all__ = ["Reading", "Typed", "normalise"]
