"""What the package offers by name."""

import rcmvae


def test_what_is_offered_is_there() -> None:
    assert sorted(rcmvae.__all__) == dir(rcmvae)
    for name in rcmvae.__all__:
        assert getattr(rcmvae, name).__name__ == name
