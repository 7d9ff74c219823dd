"""Calendar: the appointments of oneself, of one's team, or of everybody whom one may see."""

from pages._ui import calendar_page

calendar_page.draw()
