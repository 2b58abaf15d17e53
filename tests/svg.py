"""Reading drawings: well-formed, accessible, with every number a number."""

import re
import xml.etree.ElementTree as ET

NAMESPACE = "{http://www.w3.org/2000/svg}"


def parse(text):
    """The root of an SVG that keeps our promises."""
    root = ET.fromstring(text)
    assert root.tag == f"{NAMESPACE}svg"
    title, desc = root[0], root[1]
    assert (title.tag, desc.tag) == (f"{NAMESPACE}title", f"{NAMESPACE}desc")
    assert title.text.strip()
    assert desc.text.strip()
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        for value in element.attrib.values():
            assert not {"nan", "inf", "-inf"} & set(re.split(r"[\s,();]+|(?<=[MLCZ])", value.lower())), value
    return root


def count(root, *tokens):
    """Elements whose class has all tokens."""
    return len(elements(root, *tokens))


def elements(root, *tokens):
    """Elements whose class has all tokens."""
    return [e for e in root.iter() if set(tokens) <= set(e.get("class", "").split())]


def words(root):
    """All texts that are seen."""
    return [e.text or "" for e in root.iter(f"{NAMESPACE}text")]


def outside(root, slack=1.0):
    """Texts, circles and rectangles that reach over the edge of the page; texts by an estimate of their width."""
    width, height = float(root.get("width")), float(root.get("height"))
    found = []
    for e in root.iter():
        kind = e.tag.removeprefix(NAMESPACE)
        if kind == "text" and "transform" not in e.attrib:
            x, y, size = (float(e.get(k)) for k in ("x", "y", "font-size"))
            long = 0.5 * size * len(e.text or "")
            left = x - {"start": 0, "middle": 0.5, "end": 1}[e.get("text-anchor")] * long
            box = (left, y - 0.7 * size, left + long, y)
        elif kind == "circle":
            x, y, r = (float(e.get(k)) for k in ("cx", "cy", "r"))
            box = (x - r, y - r, x + r, y + r)
        elif kind == "rect":
            x, y, w, h = (float(e.get(k, 0)) for k in ("x", "y", "width", "height"))
            box = (x, y, x + w, y + h)
        else:
            continue
        if box[0] < -slack or box[1] < -slack or box[2] > width + slack or box[3] > height + slack:
            found.append((kind, e.text, box))
    return found


def collisions(root):
    """Pairs of level texts that run into each other, by an estimate of their width that is rather too small."""
    boxes = []
    for e in root.iter(f"{NAMESPACE}text"):
        if "transform" in e.attrib or e.get("opacity") == "0":
            continue
        x, y, size = (float(e.get(k)) for k in ("x", "y", "font-size"))
        text = e.text or ""
        long = 0.5 * size * len(text) - 0.2 * size * sum(c in "iljtf.,'1 " for c in text)
        left = x - {"start": 0, "middle": 0.5, "end": 1}[e.get("text-anchor")] * long
        boxes.append((left, y - 0.6 * size, left + long, y, text))
    found = []
    for i, (a, b, c, d, text) in enumerate(boxes):
        for a2, b2, c2, d2, other in boxes[i + 1 :]:
            if a < c2 and a2 < c and b < d2 and b2 < d:
                found.append((text, other))
    return found
