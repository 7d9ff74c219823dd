"""Mail that comes in: read, judged, threaded, and kept as messages and inquiries."""
