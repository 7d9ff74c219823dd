"""The demo: a freight forwarder's two years, simulated from a seed and written month by month."""

from crm_core.demo.make import DemoMade, DemoRefused, make_demo, simulate

__all__ = ["DemoMade", "DemoRefused", "make_demo", "simulate"]
