"""Damage to files, at random but the same every time."""

import json


def damage(random, content, others):
    """Give what may have become of a file's content; `others` are those of other files."""
    position = random.randrange(len(content) + 1)
    length = random.choice([1, 2, 8, 64, 4096])
    noise = bytes(random.randrange(256) for _ in range(random.choice([1, 8, 64])))
    return random.choice(
        [
            lambda: _flip(random, content),
            lambda: _flip(random, _flip(random, content)),
            lambda: content[:position],  # cut off
            lambda: content[:position] + content[position + length :],
            lambda: content[:position] + noise + content[position:],
            lambda: content[:position] + noise + content[position + len(noise) :],
            lambda: content[:position] + bytes(length) + content[position + length :],
            lambda: content[:position] + bytes(len(content) - position),  # a lost page
            lambda: content + noise,
            lambda: content + content,
            lambda: b"",
            lambda: noise,
            lambda: random.choice(others),
        ]
    )()


def _flip(random, content):
    if not content:
        return content
    position = random.randrange(len(content))
    changed = content[position] ^ 1 << random.randrange(8)
    return content[:position] + bytes([changed]) + content[position + 1 :]


VALUES = (
    None, True, -1, 0, 3, 10**9, 10**30, 0.5, -0.5, 1e308, float("nan"), float("inf"), "", "relu",
    "../../../etc/passwd", "/tmp/outside", "--help", "--out=/tmp/outside", "$(touch outside)",
    "__import__('os').abort()", "x" * 10_000, [], [[]], {}, {"hidden": 3}, [3] * 1000, ["--help"],
)  # fmt: skip
"""What an enemy may write where something else belongs."""


def lie(random, text):
    """Change, remove or add something in a JSON text."""
    value = json.loads(text)
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = random.choice(keys)
        if not isinstance(place[key], (dict, list)) or not place[key] or random.random() < 0.1:
            break
        place = place[key]
    kind = random.randrange(10)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, dict):
        place[random.choice(["../x", "__class__", "seed"])] = place[key]
    else:
        place[key] = random.choice(VALUES)
    return json.dumps(value).encode()
