"""How the grid looks: its sizes, and the colours of the two themes within its frame."""

from __future__ import annotations

ROW_HEIGHT = 38
HEADER_HEIGHT = 36
COLORS = {
    "light": {
        "backgroundColor": "#ffffff",
        "foregroundColor": "#1b1c22",
        "headerBackgroundColor": "#fafafb",
        "headerTextColor": "#62636f",
        "borderColor": "#e4e4ea",
        "rowHoverColor": "#f6f6f8",
        "selectedRowBackgroundColor": "#eef0ff",
        "accentColor": "#4f46e5",
    },
    "dark": {
        "backgroundColor": "#131419",
        "foregroundColor": "#ececf1",
        "headerBackgroundColor": "#191a21",
        "headerTextColor": "#a1a2af",
        "borderColor": "#2b2c35",
        "rowHoverColor": "#1c1d24",
        "selectedRowBackgroundColor": "#262547",
        "accentColor": "#8b85ff",
        "browserColorScheme": "dark",
    },
}
_BADGES = {
    "light": {
        "gray": ("#f0f0f3", "#4b4c57"), "green": ("#e9f8ef", "#15703a"), "blue": ("#eaf1ff", "#1d4ed8"),
        "violet": ("#f1ecfe", "#6d28d9"), "orange": ("#fff1e6", "#b4410c"), "yellow": ("#fdf6d8", "#84590a"),
        "red": ("#fdecec", "#b91c1c"), "teal": ("#e2f7f5", "#0f6b66"), "pink": ("#fdebf4", "#b4246f"),
    },
    "dark": {
        "gray": ("#26272f", "#b9bac6"), "green": ("#12301f", "#5cd38a"), "blue": ("#17264a", "#8db2ff"),
        "violet": ("#2b1f4a", "#b79cff"), "orange": ("#3a2312", "#ffa66b"), "yellow": ("#352c0d", "#ecc94b"),
        "red": ("#3b1719", "#ff8f8f"), "teal": ("#0f302e", "#5ad1c8"), "pink": ("#3a1728", "#ff93c4"),
    },
}  # fmt: skip


def css(mode: str) -> dict[str, dict[str, str]]:
    """What the grid's frame needs beyond its theme: the font, badges, and what an editor and its refusal look like."""
    base = {
        "padding": "0 8px", "border-radius": "99px", "font-size": "11.5px", "font-weight": "550",
        "white-space": "nowrap", "display": "inline-block", "line-height": "20px", "vertical-align": "middle",
        "margin-top": "-2px",
    }  # fmt: skip
    face = {"font-family": "Inter", "src": "url(/app/static/inter.woff2)", "font-weight": "100 900"}
    colors = {
        f".badge.{name}": {"background": back, "color": front}
        for name, (back, front) in _BADGES[mode].items()
    }
    row = {
        ".ag-row": {"cursor": "pointer"},
        ".ag-cell": {"line-height": f"{ROW_HEIGHT - 2}px"},
        ".ag-cell.edits": {"cursor": "text"},
    }
    return {"@font-face": face, ".badge": base, **colors, **row, **_editor(mode)}


def _editor(mode: str) -> dict[str, dict[str, str]]:
    """The field within a cell, the list of its choices, and below it why a value was refused."""
    back, front = COLORS[mode]["backgroundColor"], COLORS[mode]["foregroundColor"]
    wrong_back, wrong = _BADGES[mode]["red"]
    field = {
        "width": "100%", "height": "100%", "box-sizing": "border-box", "border": "0", "outline": "0", "margin": "0",
        "padding": "0 10px", "font": "inherit", "background": back, "color": front,
    }  # fmt: skip
    return {
        ".ag-popup-editor": {"border-radius": "8px", "overflow": "hidden"},
        ".editor": {"background": back},
        ".editor :is(input, select)": field,
        ".editor input": {"height": f"{ROW_HEIGHT}px"},
        ".editor select": {"padding": "4px", "overflow-y": "auto"},
        ".editor option": {"padding": "5px 8px", "border-radius": "5px"},
        ".editor .why": {
            "background": wrong_back, "color": wrong, "padding": "7px 10px", "font-size": "12px", "width": "0",
            "min-width": "100%", "box-sizing": "border-box", "line-height": "1.35", "white-space": "normal",
        },
    }  # fmt: skip
