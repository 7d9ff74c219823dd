"""Reports: questions asked again and again with their charts, and the dashboards on which they stand."""

from pages._ui import report_page

report_page.draw()
