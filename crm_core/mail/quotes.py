"""The words that somebody wrote himself, parted from what he quotes and from his signature.

Line by line and in time that grows with the length: expressions that look over a whole text can be made to look for
ever.
"""

import re
from collections.abc import Sequence

LONGEST = 200_000
MOST_LINES = 5_000
_LONGEST_LINE = 1_000

_WROTE = (
    "wrote", "writes", "schrieb", "schreibt", "a écrit", "écrit", "escribió", "escribio", "ha scritto", "scritto",
    "schreef", "heeft geschreven", "escreveu", "skrev", "skrifaði", "kirjoitti", "napisał", "napisała", "napisał(a)",
    "pisze", "napsal", "napsala", "napsal(a)", "yazdı", "написал", "написала", "пишет", "írta", "a scris", "写道",
    "写到", "のメール", "さんは書きました", "님이 작성", "έγραψε", "כתב",
)  # fmt: skip
_FORWARDED = re.compile(
    r"^\s*(?:-{2,}|_{2,}|={2,})\s*(?:original (?:message|e-?mail)|original ?nachricht|"
    r"ursprüngliche (?:nachricht|e-?mail)|"
    r"weitergeleitete nachricht|message (?:d.origine|original|transféré)|mensaje (?:original|reenviado)|"
    r"messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|mensagem (?:original|encaminhada)|"
    r"original(?:meddelande|besked|meddelelse)|ursprungligt meddelande|wiadomość oryginalna|forwarded message|"
    r"reply (?:message|separator)|исходное сообщение)\s*(?:-{2,}|_{2,}|={2,})?\s*$",
    re.IGNORECASE,
)
_BEGINS_FORWARD = re.compile(
    r"^\s*(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message (?:réexpédié|transféré)|"
    r"inicio del mensaje reenviado|inizio messaggio inoltrato)\s*:\s*$",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"^\s*[*_]{0,2}(from|von|de|da|van|från|fra|lähettäjä|od|kimden|от|发件人|差出人|보낸 사람|"
    r"sent|date|gesendet|datum|envoyé|enviado|fecha|data|inviato|verzonden|skickat|sendt|päivä|wysłano|tarih|дата|"
    r"发送时间|日期|送信日時|보낸 날짜|to|an|à|para|a|aan|till|til|do|kime|кому|收件人|宛先|받는 사람|"
    r"subject|betreff|objet|asunto|oggetto|onderwerp|assunto|ämne|emne|aihe|temat|konu|тема|主题|件名|제목|cc)"
    r"[*_]{0,2}\s*[:：]",
    re.IGNORECASE,
)
_RULE = re.compile(r"^\s*_{20,}\s*$")
_DEVICE = re.compile(
    r"^\s*(?:sent from my \w|sent from (?:outlook|mail|yahoo|proton)|get outlook for|"
    r"von meinem \w+ gesendet|gesendet von |"
    r"envoyé de(?:puis)? mon |enviado desde mi |inviato da(?:l mio)? |verstuurd vanaf mijn |enviado do meu |"
    r"skickat från min |sendt fra min |lähetetty )",
    re.IGNORECASE,
)
_ENDS = (":", "：", ":*")
_SIGNATURE = re.compile(r"^--\s?$")


def own_words(text: str) -> str:
    """The text without quotations, the lines that introduce them, and the signature.

    Where nothing else is left (a forwarded message), all of it. Beyond 200,000 characters or 5,000 lines nothing is
    looked at, and nothing is taken.
    """
    lines = [line.rstrip() for line in text[:LONGEST].split("\n")[:MOST_LINES]]
    kept = lines[: _where_the_rest_is_quoted(lines)]
    kept = _without_signature(_without_quotations(kept))
    found = "\n".join(kept).strip()
    return re.sub(r"\n{3,}", "\n\n", found) or text[:LONGEST].strip()


def _where_the_rest_is_quoted(lines: Sequence[str]) -> int:
    """The first line from which everything is an earlier message that is not marked line by line."""
    for number, line in enumerate(lines):
        short = line[:_LONGEST_LINE].strip()
        ruled = short.startswith(("-", "_", "="))
        if (ruled and _FORWARDED.match(short)) or (short.endswith(_ENDS) and _BEGINS_FORWARD.match(short)):
            return number
        begin = number + 1 if ruled and _RULE.match(short) else number
        if _is_head(lines, begin):
            return number
        if _introduces(lines, number) and not _quoted_after(lines, number):
            return number
    return len(lines)


def _is_head(lines: Sequence[str], number: int) -> bool:
    """Whether the head of an earlier message stands here: three of its fields in a row, each one once."""
    if (
        number >= len(lines)
        or not {":", "："} & set(lines[number][:40])
        or not _FIELD.match(lines[number][:_LONGEST_LINE])
    ):
        return False
    names = [
        found[1].lower()
        for line in lines[number : number + 4]
        if (found := _FIELD.match(line[:_LONGEST_LINE]))
    ]
    return len(names) >= 3 and len(set(names)) == len(names)


def _introduces(lines: Sequence[str], number: int) -> int:
    """How many lines, from this one, say who wrote what follows: 0 when they do not."""
    if not any(line.endswith(_ENDS) for line in lines[number : number + 3]):
        return 0
    if not lines[number].strip() or lines[number].lstrip().startswith(">"):
        return 0
    whole = ""
    for length in (1, 2, 3):
        if number + length > len(lines) or not lines[number + length - 1].strip():
            return 0
        whole = f"{whole} {lines[number + length - 1].strip()}".strip()[:_LONGEST_LINE]
        if whole.endswith(_ENDS):
            words = whole.rstrip(":：*> ").lower()
            told = any(words.endswith(verb) or f" {verb} " in words for verb in _WROTE)
            return length if told and (re.search(r"\d", words) or "@" in words) else 0
    return 0


def _quoted_after(lines: Sequence[str], number: int) -> bool:
    """Whether the lines that follow an introduction are marked as quoted."""
    later = number + _introduces(lines, number)
    following = next((line for line in lines[later : later + 3] if line.strip()), "")
    return following.lstrip().startswith((">", "|"))


def _without_quotations(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    skip = 0
    for number, line in enumerate(lines):
        if skip:
            skip -= 1
            continue
        if line.lstrip().startswith(">"):
            _drop_introduction(kept)
            continue
        length = _introduces(lines, number)
        if length and _quoted_after(lines, number):
            skip = length - 1
            continue
        kept.append(line)
    return kept


def _drop_introduction(kept: list[str]) -> None:
    """Take back a last line that ends in a colon and holds an address or a time: it introduced what is quoted."""
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and kept[-1].rstrip().endswith(":") and re.search(r"@|\d{1,2}[:.]\d\d", kept[-1][:_LONGEST_LINE]):
        kept.pop()
    kept.append("")


def _without_signature(lines: Sequence[str]) -> list[str]:
    end = next((number for number, line in enumerate(lines) if _SIGNATURE.match(line) and number), len(lines))
    kept = list(lines[:end])
    while kept and (not kept[-1].strip() or _DEVICE.match(kept[-1][:_LONGEST_LINE])):
        kept.pop()
    return kept
