"""Take a link of the record away."""

from typing import ClassVar

from flows.actions.link import Link


class Unlink(Link):
    """`unlink: {relationship: related, to: "{{ customer }}"}`; of a reference without `to` wherever it leads.

    A link that is not there is no error.
    """

    key: ClassVar[str] = "unlink"
    stays: ClassVar[bool] = False
