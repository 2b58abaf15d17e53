"""A Markdown page as HTML, with the site around it."""

import re
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from goldfish.cli import brand

STYLE = """
body { display: grid; grid-template-columns: minmax(0, 1fr); }
main { padding-top: 1.5rem; padding-bottom: 4rem; max-width: 60rem; width: 100%; }
header { width: 100%; max-width: 60rem; padding-top: 1.5rem; }
.brand a { color: inherit; text-decoration: none; display: flex; align-items: center; gap: 0.6rem; }
.chapters { margin-top: 0.8rem; padding-bottom: 0.8rem; border-bottom: 1px solid var(--grid); }
.chapters a[aria-current] { color: var(--ink); font-weight: 650; text-decoration: none; }
h2 { margin-top: 2.6rem; }
h3 { font-size: 1.1rem; margin-top: 2rem; }
p, li { max-width: 46rem; }
pre { background: var(--card); border: 1px solid var(--grid); border-radius: 0.6rem; padding: 0.8rem 1rem;
  overflow-x: auto; font-size: 0.82rem; line-height: 1.5; margin: 0 0 1rem; }
code { font-size: 0.9em; overflow-wrap: anywhere; }
pre code { font-size: inherit; overflow-wrap: normal; }
pre.printed { border-left: 4px solid var(--warm); color: var(--muted); margin-top: -0.6rem; }
p:has(> img) { max-width: none; }
p > img { display: block; margin: 0.6rem auto 1.4rem; }
img { max-width: 100%; height: auto; background: #ffffff; border-radius: 0.4rem; }
table { display: block; overflow-x: auto; width: auto; margin: 0 0 1.2rem; }
.turn { display: flex; justify-content: space-between; gap: 1rem; margin-top: 3rem; border-top: 1px solid var(--grid);
  padding-top: 1rem; }
"""
LIGHT, DARK = "friendly", "github-dark"


def style() -> str:
    """The style sheet of the site."""
    light = HtmlFormatter(style=LIGHT).get_style_defs(".code")
    dark = HtmlFormatter(style=DARK).get_style_defs(".code")
    plain = "pre.code { background: var(--card) !important; }\n.code .err { background: none; border: 0; }"
    return f"{brand.style()}{STYLE}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{plain}\n"


def render(name: str, source: Path, sources: dict[str, Path]) -> str:
    """The page of this name."""
    text = source.read_text(encoding="utf-8")
    up = "../" * name.count("/")
    body = _linked(_markdown().render(text), source, sources, up)
    title = title_of(source)
    chapters = [key for key in sources if key.startswith("tutorials/")]
    links = "".join(_link(key, title_of(sources[key]), up, key == name) for key in chapters)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(title)} - goldfish</title>
<link rel="stylesheet" href="{up}style.css"/>
</head>
<body>
<header>
<div class="brand"><a href="{up}index.html">{brand.FISH}<span>goldfish</span></a></div>
<nav class="chapters" aria-label="Tutorials">{links}<a href="{up}reference/goldfish.html">Reference</a></nav>
</header>
<main>
{body}{_turn(name, chapters, sources, up)}</main>
</body>
</html>
"""


def title_of(source: Path) -> str:
    """The page's first heading."""
    return next(line[2:] for line in source.read_text(encoding="utf-8").splitlines() if line.startswith("# "))


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"highlight": _highlighted}).enable("table")
    markdown.add_render_rule("heading_open", _heading)
    return markdown


def _heading(renderer, tokens, index, options, environment):
    """Headings can be linked to, as GitHub does it."""
    words = re.sub(r"[^\w\s-]", "", tokens[index + 1].content.lower())
    tokens[index].attrSet("id", re.sub(r"\s", "-", words))
    return renderer.renderToken(tokens, index, options, environment)


def _highlighted(code: str, language: str, _attributes: str) -> str:
    if language == "text":
        return f'<pre class="printed"><code>{escape(code)}</code></pre>'
    lexer = get_lexer_by_name({"sh": "bash", "": "text"}.get(language, language))
    return f'<pre class="code"><code>{highlight(code, lexer, HtmlFormatter(nowrap=True))}</code></pre>'


def _linked(body: str, source: Path, sources: dict[str, Path], up: str) -> str:
    """Links to Markdown pages lead to their HTML, those to other files of the repository nowhere: they are not here."""
    places = {path.resolve(): name for name, path in sources.items()}

    def lead(match: re.Match[str]) -> str:
        target, _, anchor = match[1].partition("#")
        if not target or "://" in target or target.startswith("reference/"):
            return match[0]
        name = places.get((source.parent / target).resolve())
        if name is None:
            return f"<span>{match[2]}</span>"
        return f'<a href="{up}{name}.html{"#" + anchor if anchor else ""}">{match[2]}</a>'

    return re.sub(r'<a href="([^"]*)">(.*?)</a>', lead, body, flags=re.DOTALL)


def _link(key: str, title: str, up: str, here: bool) -> str:
    return (
        f'<a href="{up}{key}.html"{" aria-current=" + chr(34) + "page" + chr(34) if here else ""}>{escape(title)}</a>'
    )


def _turn(name: str, chapters: list[str], sources: dict[str, Path], up: str) -> str:
    """To the tutorials before and behind this one."""
    if name not in chapters:
        return ""
    here = chapters.index(name)
    before = (
        _link(chapters[here - 1], "← " + title_of(sources[chapters[here - 1]]), up, False) if here else "<span></span>"
    )
    behind = chapters[here + 1 : here + 2]
    after = _link(behind[0], title_of(sources[behind[0]]) + " →", up, False) if behind else "<span></span>"
    return f'<nav class="turn" aria-label="Before and behind">{before}{after}</nav>\n'
