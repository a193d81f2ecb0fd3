"""What a training step costs as the number of channels grows.

    python -m benchmarks.scaling [--channels 10 30 100] [--repeats 5]

`top_m` decodes m + 1 channels whatever K is, so its step should hardly grow; `expectation` decodes all of them.
"""

from typing import Any

from benchmarks.common import arguments, matmul_rate, noise_setting, report, seconds_per_step
from rcmvae.config import load_config

STEPS = 30  # a long scan: the pages of fresh buffers are touched once


def main() -> None:
    args = arguments(__doc__, channels=[10, 30, 100], repeats=5).parse_args()
    rows: list[dict[str, Any]] = []
    for backbone in ("experts", "conv"):
        for routing in ("expectation", "top_m"):
            first = None
            for K in args.channels:
                heavy = backbone == "conv" and routing == "expectation"
                overrides = [
                    f"model.num_channels={K}",
                    f"model.routing={routing}",
                    f"model.decoder.backbone={backbone}",
                    f"model.decoder.conditioner={'film' if backbone == 'conv' else 'none'}",
                    "model.embedding_dim=32",
                ]
                config = load_config(None, overrides)
                setting = noise_setting(
                    config, samples=((5 if heavy else STEPS) + 1) * config.training.batch_size
                )
                ms = 1e3 * seconds_per_step(setting, 1 if heavy else args.repeats)
                first = first or ms
                rows.append(
                    {
                        "backbone": backbone,
                        "routing": routing,
                        "K": K,
                        "ms/step": ms,
                        f"against K={args.channels[0]}": ms / first,
                    }
                )
    report(
        args.results,
        "scaling",
        "One training step, 28×28, batch 256",
        rows,
        [f"float32 matmul rate in this run: {matmul_rate() / 1e9:.0f} GFLOP/s"],
    )


if __name__ == "__main__":
    main()
