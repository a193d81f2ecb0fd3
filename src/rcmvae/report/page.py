"""report.html: one file that needs nothing else."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from rcmvae.config import dump_config
from rcmvae.diagnostics.absent import Absent
from rcmvae.errors import counted
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings
from rcmvae.report.channels import Channel
from rcmvae.report.noticed import Remark
from rcmvae.report.points import as_json, legend, points
from rcmvae.report.sections import CHANNELS, NOT_DRAWN, REST, Drawn, Section, about, not_drawn, sections
from rcmvae.report.sprites import file_as_text, strip
from rcmvae.report.story import Story
from rcmvae.report.tables import Table, environment, tables


def page(findings: Findings, story: Story, channels: Sequence[Channel], figures: Drawn) -> str:
    """The whole page."""
    told, sheet = points(findings, channels)
    shown = len(findings.bundle.pictures.thumbnail_of)
    shown_sections, shown_tables = [*sections(figures)], tables(findings, channels)
    parts = {
        "title": escape(story.title),
        "lead": escape(story.lead),
        "trained": escape(story.trained),
        "jumps": "".join(_jumps(shown_sections, shown_tables)),
        "facts": "".join(
            f"<li><b>{escape(fact.value)}</b> <span>{escape(fact.meaning)}</span></li>"
            for fact in story.facts
        ),
        "outcome": _items(story.outcome),
        "look_at": "".join(map(_remark, story.look_at)),
        "how_many": _how_many(len(findings.bundle), min(shown, sum(view["count"] for view in told["views"]))),
        "rings": " Rings: one and two standard deviations of the prior." if told["rings"] else "",
        "legend": "".join(_legend(findings)),
        "cards": "".join(_card(findings, channel) for channel in channels),
        "static": _figure(CHANNELS, figures[CHANNELS]),
        "sections": "".join(_section(section, figures) for section in shown_sections),
        "tables": "".join(map(_table, shown_tables)),
        "config": escape(dump_config(findings.config)),
        "environment": table_of(environment(findings.environment)),
        "not_drawn": _not_drawn(figures),
        "points": as_json(told),
        "sheet": sheet,
    }
    return fill("page", parts)


def fill(name: str, parts: dict[str, str]) -> str:
    """A page of this package with its style and script, and the parts in their places."""
    style, script = asset("style.css"), asset(f"{name}.js")
    return Template(asset(f"{name}.html")).substitute(parts, style=style, script=script)


def asset(name: str) -> str:
    """A file of this package; nothing where there is none."""
    file = resources.files(__package__ or "") / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def table_of(table: Table) -> str:
    """A table, which scrolls sideways where it is too wide."""
    right = [column in table.right for column in table.columns]
    rows = "".join(f"<tr>{_cells('td', row, right)}</tr>" for row in table.rows)
    head = f"<thead><tr>{_cells('th', table.columns, right)}</tr></thead>"
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    body = f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'
    return f"<h2>{escape(table.title)}</h2>{note}{body}"


def _cells(tag: str, row: Sequence[str], right: Sequence[bool]) -> str:
    return "".join(
        f"<{tag}{' class=right' * is_right}>{escape(cell)}</{tag}>"
        for cell, is_right in zip(row, right, strict=True)
    )


def _items(sentences: Sequence[str]) -> str:
    return "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)


def _remark(remark: Remark) -> str:
    text = escape(remark.text)
    if remark.channel is None:
        return f"<li>{text}</li>"
    name = f"Channel {remark.channel}"
    return f'<li><a href="#channel-{remark.channel}">{name}</a>{text.removeprefix(name)}</li>'


def _jumps(shown: Sequence[Section], listed: Sequence[Table]) -> Iterator[str]:
    """Links to all that is not folded."""
    titles = [section.title for section in shown if section.title != REST]
    for title in ("The channels", *titles, *(table.short for table in listed if table.short)):
        yield f'<a href="#{_place(title)}">{escape(title)}</a> '


def _place(title: str) -> str:
    """What a link to a part of the page names.

    >>> _place("How training went")
    'how-training-went'
    """
    return re.sub(r"\W+", "-", title.lower())


def _table(table: Table) -> str:
    if table.short:
        return f'<section id="{_place(table.short)}">{table_of(table)}</section>'
    return f"<details><summary>{escape(table.title)}</summary>{table_of(table)}</details>"


def _not_drawn(figures: Drawn) -> str:
    absent = "".join(
        f"<li><code>{escape(name)}</code>: {escape(what)} <em>{escape(why)}</em></li>"
        for name, what, why in not_drawn(figures)
    )
    return f"<details><summary>{NOT_DRAWN}</summary><ul>{absent}</ul></details>" if absent else ""


def _how_many(samples: int, shown: int) -> str:
    if shown == samples:
        return f"Every point is one of {counted(samples, 'sample')}"
    return f"Every point is one of {shown:,} samples, drawn at random from {samples:,}"


def _legend(findings: Findings) -> Iterator[str]:
    names, shades = legend(findings.bundle)
    if names:
        yield "<span>Label (click to highlight):</span>"
    for index, name in enumerate(names):
        shade = f'<i style="background:{shades[index]}"></i>'
        yield f'<button type="button" data-label="{index}" aria-pressed="false">{shade}{escape(name)}</button>'


def _card(findings: Findings, channel: Channel) -> str:
    drawn = tiles_of(findings.bundle).sprites(findings.bundle.pictures.drawn[channel.index])
    title, details = escape(channel.title), f"{channel.samples:,} samples · KL {channel.kl:.1f} nats"
    return (
        f'<figure class="card" id="channel-{channel.index}" data-channel="{channel.index}">'
        f"<figcaption><b>{title}</b><small>{details}</small></figcaption>"
        f'<canvas tabindex="0" role="img" aria-label="Codes of {title}. Arrow keys go from sample to '
        f'sample."></canvas><img class="strip" src="{strip(drawn)}" alt="What {title} draws from its prior"></figure>'
    )


def _section(section: Section, figures: Drawn) -> str:
    inside = "".join(_figure(name, figures[name]) for name in section.figures)
    title = escape(section.title)
    if section.title == REST:
        return f"<details><summary>{title}</summary>{inside}</details>"
    return f'<section id="{_place(section.title)}"><h2>{title}</h2>{inside}</section>'


def _figure(name: str, drawn: Path | Absent) -> str:
    if isinstance(drawn, Absent):
        return f'<p class="absent">{escape(about(name))} {escape(drawn.reason)}</p>'
    alt = escape(about(name))
    return f'<figure class="scroll paper"><img src="{file_as_text(drawn)}" alt="{alt}"></figure>'
