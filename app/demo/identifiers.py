"""Which numbers do made-up people have? Well formed, with right check digits, and of nobody."""

import unicodedata

#: French banks by their code; the accounts are made up.
BANKS = ("30004", "10278", "20041", "14505", "18206", "13807", "17515", "10107", "30003", "30002")
UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def digits(rng, count):
    """So many random digits, the first of them no zero."""
    return str(rng.randrange(10 ** (count - 1), 10**count))


def iban(rng):
    """A French IBAN with its national key and its check digits."""
    bank, branch, number = rng.choice(BANKS), f"{rng.randrange(10**5):05}", f"{rng.randrange(10**11):011}"
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(number)) % 97
    account = f"{bank}{branch}{number}{key:02}"
    # 15 and 27 stand for F and R (ISO 13616).
    return f"FR{98 - int(f'{account}152700') % 97:02}{account}"


def birth_code(rng):
    """The code of a place of birth: mostly a commune of the department, else of Paris or of another country."""
    return rng.choice((f"77{rng.randrange(1, 500):03}", f"77{rng.randrange(1, 500):03}", f"751{rng.randrange(1, 21):02}", "99139", "99352"))


def mobile(rng):
    """A mobile number that the rules take."""
    return "06 00 " + " ".join(f"{rng.randrange(100):02}" for _pair in range(3))


def landline(rng, area="01 99 00"):
    """A number of those that the regulator keeps for fiction (01 99 00 …)."""
    return f"{area} {rng.randrange(100):02} {rng.randrange(100):02}"


def uai(number):
    """A school's identifier: seven digits and a letter that checks them."""
    text = f"077{number:04}"
    return text + UAI_LETTERS[int(text) % 23]


def plain(name):
    """A name without accents, spaces and apostrophes, for identifiers and addresses: "N’Diaye" is "ndiaye"."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(char for char in bare if char.isalnum() or char == "-")
