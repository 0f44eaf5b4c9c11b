"""The warnings and errors that the sources log: level, component, message with … for what varies."""

import re

from tree import ROOT, files

CALL = re.compile(r"\bwt_log(_warn|_error|_about|_partition|_promptly|)\(")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\bPRI\w+|[(),]|[^"(),]+')


def arguments(text, start):
    """The arguments of a call, as written; `start` is behind its parenthesis."""
    found, depth, current = [], 0, ""
    for match in TOKEN.finditer(text, start):
        token = match[0]
        if depth == 0 and token in ",)":
            found.append(current.strip())
            current = ""
            if token == ")":
                return found
            continue
        depth += {"(": 1, ")": -1}.get(token, 0)
        current += token
    raise AssertionError("a call without an end")


def literal(argument):
    """What a string literal says, … for each conversion; None: it is none."""
    if not argument.startswith('"'):
        return None
    text = re.sub(r'"\s*PRI\w+\s*"?', "d", argument)
    text = re.sub(r'"\s*"', "", text).strip('"').replace('\\"', '"').replace("\\n", " ")
    return re.sub(r"%(?!%)[-+ 0#]*[\d.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]", "…", text).replace("%%", "%")


def warnings_and_errors():
    """(path, level, component, message) of every call that may write one."""
    for path in files(".c", ".cpp"):
        if not path.startswith("src/"):
            continue
        text = (ROOT / path).read_text(encoding="utf-8")
        for call in CALL.finditer(text):
            given = arguments(text, call.end())
            level = {"_warn": "WARN", "_error": "ERROR"}.get(call[1])
            if level is None:
                chosen = given.pop(0)
                named = set(re.findall(r"WT_LOG_(\w+)", chosen))
                if chosen.startswith("enum ") or named and not named & {"WARN", "ERROR"}:
                    continue  # a definition, or news
                level = "ERROR" if "ERROR" in named else "WARN"
            component = literal(given[0])
            message = next((said for said in map(literal, given[1:]) if said is not None), None)
            yield path, level, component, message
