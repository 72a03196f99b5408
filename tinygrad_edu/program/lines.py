"""Lines that are not too long: statements, lists in brackets and comments, broken as formatters break them."""

from __future__ import annotations

WIDTH = 88  # columns, as formatters have it
INSIDE = WIDTH - 4  # of them for the body of a function


def broken(text: str, width: int = INSIDE, end: str = "") -> list[str]:
    """A statement, or a part of one, in several lines if one is not enough; `end` stands behind it."""
    if len(text) + len(end) <= width:
        return [text + end]
    name, equals, value = text.partition(" = ") if text.partition(" = ")[0].isidentifier() else ("", "", text)
    head, body, tail = last_brackets(value)
    while len(name + equals + head) > width and head[(called := head.rfind(")") + 1) :].startswith(".") and called:
        head, body, tail = last_brackets(value[:called])  # of f(x).method(y) the call of f
        tail += value[called:]
    if body and len(name + equals + head) <= width:
        inner = broken(body, width - 4) if len(split(body)) == 1 else [body]
        if len(split(body)) > 1 and len(body) > width - 4:
            inner = [line for part in split(body) for line in broken(part, width - 4, ",")]
        return [f"{name}{equals}{head}", *(f"    {line}" for line in inner), f"{tail}{end}"]
    if equals and len(value) <= width - 4:
        return [f"{name} = (", f"    {value}", f"){end}"]
    if equals and len(terms := summands(value)) > 1:
        return [f"{name} = (", *(f"    {term}" for term in terms), f"){end}"]
    return [text + end]


def last_brackets(text: str) -> tuple[str, str, str]:
    """What stands before and in the brackets with which a text ends, and how these close; nothing if it has none."""
    if text[-1:] not in (")", "]"):
        return text, "", ""
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        depth += (text[i] in ")]") - (text[i] in "([")
        if not depth:
            return text[: i + 1], text[i + 1 : -1], text[-1]
    return text, "", ""


def split(text: str) -> list[str]:
    """The parts between commas that stand in no brackets, nor in "quotes"."""
    parts, depth, quoted = [""], 0, False
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        quoted ^= sign == '"'
        if sign == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def summands(text: str) -> list[str]:
    """The terms of a sum, each with the sign before it."""
    parts, depth = [""], 0
    for word in text.split(" "):
        if word in ("+", "-") and not depth:
            parts.append("")
        parts[-1] += f" {word}"
        depth += sum((sign in "([") - (sign in ")]") for sign in word)
    return [part.strip() for part in parts]


def wrapped(begin: str, items: list[str], end: str) -> list[str]:
    """A list in brackets, in one line or as a formatter breaks it."""
    width = WIDTH if begin.startswith("def") else INSIDE
    line = f"{begin}{', '.join(items)}{',' * (begin.endswith(', (') and len(items) == 1)}{end}"
    if len(line) <= width:
        return [line]
    inner = f"    {', '.join(items)}"
    at_once = len(inner) <= width and not begin.startswith("return")
    return [begin, *([inner] if at_once else [f"    {item}," for item in items]), end]


def fitting(comment: str, width: int = INSIDE) -> str:
    """A sum in a comment, with as many of its terms as there is room for."""
    terms, rest = comment.split(" + "), ""
    while len(terms) > 1 and len(" + ".join(terms) + rest) > width:
        terms, rest = terms[:-1], " + …"
    return (" + ".join(terms) + rest)[:width]
