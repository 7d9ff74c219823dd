"""Reports: saved questions with a chart, asked for whoever looks, and the dashboards on which they stand."""
