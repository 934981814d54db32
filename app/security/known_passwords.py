"""Is this password, or the one word that it is built on, among those that everybody tries first?

The list of thirty thousand passwords that were found in leaks comes with the package zxcvbn, and is used as it is there; it is
mostly English. The words, names, places and rows of keys that French passwords are built on are ours (known_passwords_fr.txt).
"""

import re
import unicodedata
from pathlib import Path

from zxcvbn.matching import RANKED_DICTIONARIES

#: Signs around a word that make it no better: "Soleil2024!".
DECORATION = 6
#: From so many letters on a word says something; "ab" between digits is chance.
WORD = 3

FRENCH = frozenset(Path(__file__).with_name("known_passwords_fr.txt").read_text("utf-8").split())

#: What stands for a letter.
STANDS_FOR = str.maketrans("013457@$!", "oieastasi")


def is_known(password):
    """Whether the password is in the lists, as it is or as a word of theirs with a few digits and signs around it."""
    lowered = password.lower()
    return any(_is_in_lists(text) or _is_decorated(text) for text in (_plain(lowered), _plain(lowered.translate(STANDS_FOR))))


def _is_in_lists(text):
    return text in RANKED_DICTIONARIES["passwords"] or text in FRENCH


def _is_decorated(text):
    around = re.fullmatch(r"([^a-z]*)([a-z].*?)([^a-z]*)", text, re.S)
    if around is None:
        return False
    before, word, after = around.groups()
    return len(word) >= WORD and len(before) + len(after) <= DECORATION and _is_in_lists(word)


def _plain(text):
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
