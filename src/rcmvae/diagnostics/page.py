"""Every metric as a page of Markdown, made from the registry itself."""

from rcmvae.diagnostics.metric import in_section

OPENING = """# Every metric

`summary.json` has these numbers for the test split, and `rcmvae evaluate RUN` makes them for any split, or, with
`--on DATA`, for other samples. The metric `section/name` stands under `section`, `name`, with its mean, its standard
deviation and its value for each seed. Under `absent` stands why another is not there: a number without a meaning is
never a zero.
"""

SECTIONS = {
    "losses": "What the objective comes to. Means over the samples of the split, before any weight but for `loss`.",
    "evidence": """The bound in parts, `reconstruction + kl_latent + kl_channel`, and other ways to tell it.

Bits per dimension are told of a density in the units of the stored samples: with bytes, that is what a grey level
costs if the density hardly changes within one; with floats, it depends on the unit that they are measured in.
Bernoulli outputs give probabilities to black and white alone, so of grey levels there is no such number. The
importance-weighted bound is computed on demand, `rcmvae evaluate RUN --importance 50`, and takes that many passes
through the decoder.""",
    "routing": "How samples are given to channels.",
    "clustering": "How well channels agree with the labels, by the samples that have one.",
    "groups": "The same for groups of channels, where the channel tree is cut.",
    "tau": """What the channels are called by the few samples whose labels were counted: those that training could look
at, or that `rcmvae teach` added ([labels.md](labels.md)). Accuracy and calibration are told of the other samples.""",
    "channels": "One value for each channel, under `channels_of` by the number of samples.",
    "curriculum": """How channels were opened, one value for each seed: in the summary beside the scores, with its own
`absent`.""",
}
WAYS = {"up": "higher", "down": "lower", "none": ""}


def page() -> str:
    """The whole page.

    >>> "| `accuracy` | share | higher |" in page()
    True
    """
    parts = [OPENING]
    for section, opening in SECTIONS.items():
        rows = [("metric", "unit", "better", "meaning"), ("---",) * 4]
        rows += [(f"`{one.name}`", one.unit, WAYS[one.better], one.meaning) for one in in_section(section)]
        escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
        table = "\n".join(f"| {' | '.join(row)} |" for row in escaped)
        parts.append(f"## {section}\n\n{opening}\n\n{table}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
