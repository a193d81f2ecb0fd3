"""REPORT.md: the report as text, with links to the figures."""

import re
from collections.abc import Sequence
from pathlib import Path

from rcmvae.config import dump_config
from rcmvae.diagnostics.absent import Absent
from rcmvae.findings import Findings
from rcmvae.report.channels import Channel
from rcmvae.report.sections import CHANNELS, NOT_DRAWN, Drawn, Section, about, not_drawn, sections
from rcmvae.report.story import Story
from rcmvae.report.tables import Table, environment, tables


def markdown(findings: Findings, story: Story, channels: Sequence[Channel], figures: Drawn) -> str:
    """The whole text."""
    parts = [
        f"# {escaped(story.title)}",
        escaped(story.lead),
        escaped(story.trained),
        _table_of_facts(story),
        "\n".join(map(escaped, story.outcome)),
        "## What to look at",
        "\n".join(f"- {escaped(remark.text)}" for remark in story.look_at),
        f"## The channels\n\n{_figure(CHANNELS, figures[CHANNELS])}",
        *(_figures(section, figures) for section in sections(figures)),
        *(_section(table) for table in tables(findings, channels)),
        "## Configuration",
        f"```yaml\n{dump_config(findings.config).rstrip()}\n```",
        _section(environment(findings.environment)),
        *_not_drawn(figures),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    >>> escaped("a|b\n<i> [x](y) 2_000")
    'a\\|b \\<i\\> \\[x\\](y) 2\\_000'
    """
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _table_of_facts(story: Story) -> str:
    facts = tuple((fact.value, fact.meaning) for fact in story.facts)
    return "\n".join(f"- **{escaped(value)}** {escaped(meaning)}" for value, meaning in facts)


def _figures(section: Section, figures: Drawn) -> str:
    return "\n\n".join([f"## {section.title}", *(_figure(name, figures[name]) for name in section.figures)])


def _not_drawn(figures: Drawn) -> list[str]:
    lines = [f"- `{name}`: {escaped(what)} {escaped(why)}" for name, what, why in not_drawn(figures)]
    return [f"## {NOT_DRAWN}", "\n".join(lines)] if lines else []


def _figure(name: str, drawn: Path | Absent) -> str:
    if isinstance(drawn, Absent):
        return f"{escaped(about(name))} {escaped(drawn.reason)}"
    return f"![{escaped(about(name))}](figures/{name}.png)"


def _section(table: Table) -> str:
    line = ["---:" if column in table.right else "---" for column in table.columns]
    rows = [table.columns, *table.rows]
    head, *body = (f"| {' | '.join(map(escaped, row))} |" for row in rows)
    title = [f"## {escaped(table.title)}\n", *([f"{escaped(table.note)}\n"] if table.note else [])]
    return "\n".join([*title, head, f"| {' | '.join(line)} |", *body])
