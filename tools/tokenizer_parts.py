"""What the texts of tokenizer_reference.py are made of."""

import html.entities
import unicodedata

import ftfy.bad_codecs

ftfy.bad_codecs.ok()  # makes the codecs called "sloppy" known
CODECS = {
    name: bytes(range(0x80, 0x100)).decode(codec)
    for name, codec in [
        ("latin-1", "latin-1"),
        *((f"windows-{n}", f"sloppy-windows-{n}") for n in (1250, 1251, 1252, 1253, 1254, 1257)),
        ("iso-8859-2", "iso-8859-2"),
        ("mac", "macroman"),
        ("437", "cp437"),
        # Two that ftfy does not try
        ("koi8-r", "koi8-r"),
        ("windows-1256", "windows-1256"),
    ]
}


def codes(ranges):
    """Pairs of code points, of "41-5A 5F"."""
    pairs = [[int(code, 16) for code in pair.split("-")] for pair in ranges.split()]
    return [[pair[0], pair[-1]] for pair in pairs]


def characters(ranges):
    return [chr(code) for first, last in codes(ranges) for code in range(first, last + 1)]


def assigned():
    """Ranges of the code points that this Python's Unicode has, surrogates left out."""
    ranges = []
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in ("Cn", "Cs"):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


NAMES = sorted(html.entities.html5)

NUMBERS = [
    *range(0x21), *b"\"&';<", *range(0x7E, 0xA2), 0xE9, 0x3A3, 0x2019, 0x4E2D, 0xD7FB, 0xD800, 0xDFFF,
    0xE000, 0xFDD0, 0xFFFD, 0xFFFE, 0x1F600, 0x1FFFF, 0x10FFFF, 0x110000, 1 << 32, 1 << 64,
]  # fmt: skip

LISTS = {
    "words": """a an the of on in with and two three at by near red blue green yellow white black large
        small photo picture image video drawing close up view man woman child dog cat horse bird car
        bus train bicycle street beach kitchen table plate pizza sandwich guitar soccer player tennis
        skateboard surfing riding holding wearing sitting standing running jumping eating playing
        sunset mountain river snow tree flower building window night selfie watercolour minimalist
        hd 4k 1080p vhs diy wtf lol jekyll xylophone antidisestablishmentarianism""".split(),
    "capitals": """The A Photo OF NEW YORK McDonald iPhone eBay NASA'S ΟΔΟΣ ΟΔΥΣΣΕΥΣ ΑΣ. Σ ΣΑΣ Straße
        STRASSE GROẞ İstanbul IĞDIR ıI ǅungla ǈ Ǌ Éclair ÇA Ångström K Å Ω Ⅷ Ⓐ ЁЛКА ЖУК ԱՐԵՎ ᲐᲑᲒ ꭰᎠ
        𐐀𐐨 ΐ Ϊ́ ſ ẞ ŉ ǰ ﬀ ᾈ ᾼ Ά Ñ""".split(),
    "foreign": """naïve café crème brûlée garçon Ärger größe Ñandú señor łódź žluťoučký kůň çok güzel
        ığdır øre smörgåsbord þorn œuf cœur Œuvre àéîõü às àquele à où привет мир ёлка її ґанок
        Γειά σου κόσμε ψυχή שלום עולם مرحبا العربية سلام हिन्दी नमस्ते বাংলা தமிழ் తెలుగు ไทย ភាសា
        မြန်မာ ქართული հայերեն አማርኛ 日本語 カタカナ ひらがな 漢字 中文 繁體 한국어 tiếng Việt ngữ ᠮᠣᠩᠭᠣᠯ ꦗꦮ
        ߒߞߏ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ ཏིབེཏ""".split(),
    "letters": "a b c x y z A B Z é ß i I".split(),
    "contractions": """'s 't 're 've 'm 'll 'd 'S 'T 'RE 'LL 'ſ n't 'tis ' ''s 'x ’s ’ll ‘d ʼn""".split(),
    "digits": "0 1 7 42 2024 1,000 3.14 -5 1/2 ½ ² Ⅷ ① ٣ ۴ ९ 五 7th 0x1F 1e9 ３ 𝟗".split(),
    "punctuation": """! ? . , ; : - _ ( ) [ ] { } / \\ | @ # % ^ * + = ~ ` " ' < > $ & ... -- !! ?! :) <3
        </w> § ¶ ° №""".split(),
    "special": """<start_of_text> <end_of_text> <END_OF_TEXT> <ſtart_of_text> <|endoftext|>
        <end_of_text""".split(),
    "quotes": [*"“”„‟‘’‚‛«»‹›′″‵´`ʼʹˈ–—―‐‑…•·"],
    "emoji": """😀 😂 🥰 👍 👍🏽 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪 🇯🇵 1️⃣ #️⃣ ❤️ ❤ ☺︎ ✔ ♥ ★ ☃ ⚽ 🦀 🫠 🧑🏿‍🚀 🎉 ©
        ® ™ 〰 ㊗ 🏽 \u200d \ufe0f""".split(),
    "composed": """é e\u0301 ö o\u0308 Å A\u030a ñ n\u0303 ệ e\u0323\u0302 e\u0302\u0323 ǖ u\u0308\u0304 한
        \u1112\u1161\u11ab ば は\u3099 ガ カ\u3099 ά α\u0301 ᾳ α\u0345 ї і\u0308 क़ क\u093c שׁ ש\u05c1 \u212b
        \u2126 \u0344 \u0958 \u0340 \u0374 \u037e \u0387 \u1fef \uf900 \U0002f800""".split(),
    "ligatures": "Ĳ ĳ ŉ Ǳ ǲ ǳ Ǆ ǅ ǆ Ǉ ǈ ǉ Ǌ ǋ ǌ ﬀ ﬁ ﬂ ﬃ ﬄ ﬅ ﬆ ﬓ ﷺ æ Œ ﬁn oﬀice".split(),
    "wide": """ＬＯＵＤ ｎｏｉｓｅ １２３ ！？ ＆ａｍｐ； ＆ｌｔ； ＜ｂ＞ ｱｲｳ ｶﾞ ﾊﾟ ﾟ ｡ ￥ ￣ ￦ ￨ ﾡ ﾾ ＂ ＇ ～ ￠
        ￮""".split(),
    "controls": characters(
        "0-1F 7F-A0 AD 34F 61C 180E 200B-200F 2028-202E 2060-2064 2066-206F FEFF FFF9-FFFD 1D173 E0001 E0041"
    ),
    "terminal": """\x1b[0m \x1b[31;1m \x1b[٣m \x1b[;H \x1b[K \x1b[ \x1b[1; \x1b]0;x\x07 \x1b[1\x1b[2mm
        \x1b[½m""".split(),
    "space": [*characters("9-D 1C 1F 20 85 A0 1680 2003 2007 2009 200A 2028 2029 202F 205F 3000"), "  ", "\r\n"],
    "nothing": ["", " ", "\n", "\t ", "\ufeff", "\0", "\x1b[0m", "\u2028", "\u3000", "\xa0", "&nbsp;", "&#1;"],
    "amp": "& & & &amp; &amp;amp; &#38; &#x26; &AMP; &amp ＆ &&".split(),
    "names": NAMES,
    "capital_names": sorted({name.upper() for name in NAMES}),
    "numbers": [form % n for form in ("#%d;", "#%d", "#x%x;", "#X%X") for n in NUMBERS],
    "malformed": [" amp;", "amp ;"] + """#; #x; # #65a; #x1g; ; ltx notit; notanything; copyright AMPX; EACUTEx;
        abcdefghijklmnopqrstuvwxyz; 1; é; #٣; <lt; frac12 FRAC12; nTilde;""".split(),
    "tags": ["<b>", "</b>", "<br/>", '<a href="?x=1&lt=2&copy;">', "<", "<3", ">"],
    "lost": ["?", "\ufffd", " ", "\x1a", "\n"],
    "joins": [" "],
    "loose_joins": [" ", " ", " ", "", "", ", ", ". ", "\n", " - "],
    "line_joins": [" ", "", "\n", "\n"],
    "none": [""],
}  # fmt: skip

RANGES = {
    "scripts": codes(
        """41-5A 61-7A C0-24F 250-2FF 370-373 388-38A 38E-3A1 3A3-3FF 400-52F 531-556 561-587 5D0-5EA
        620-66F 671-6D3 905-939 93E-94D 958-963 995-9A8 B85-B8A E01-E3A E40-E4E E94-EA3 F40-F47
        1000-109F 10D0-10FF 1100-11FF 1200-1248 13A0-13F5 1401-15FF 1780-17B3 1820-1878 1C90-1CBA
        1E00-1F15 1F80-1FB4 2C00-2C2F 2C60-2C7F 3041-3096 30A1-30FA 3105-312F 3400-4DBF 4E00-9FFF
        A000-A48C A640-A66D A722-A787 AB70-ABBF AC00-D7A3 F900-FA6D FB00-FB06 FB1D-FB36 10400-1044F
        118A0-118DF 12000-12399 1D400-1D454 1E900-1E943 20000-2A6DF"""
    ),
    "assigned": assigned(),
    "marks": codes(
        """300-36F 300-333 483-487 591-5BD 64B-65F 93C-94D 1AB0-1ABE 1DC0-1DF9 20D0-20F0 302A-302D
        3099-309A FE20-FE2F"""
    ),
    "jamo": codes("1100-1112 1161-1175 11A8-11C2 AC00-AC80"),
    "wide_forms": codes("FF01-FFBE FFE0-FFE6 FF61-FF9F 3000-3003"),
    "symbols": codes(
        "1F300-1F64F 1F680-1F6D7 1F900-1F9FF 2600-27BF 2190-23FF 1F1E6-1F1FF 1F3FB-1F3FF 200D FE0F"
    ),
    "latin": codes("A0-FF 100-17F 2010-203A"),
    # What UTF-8 is misread as, letter by letter
    "upper": codes(
        """80-FF 391-3A1 3A3-3CE 401-40C 40E-44F 2018-201E 2020-2022 20AC 2122 2550-256C 2591-2593 160-161
        152-153 20 61-7A 1A 3F FFFD"""
    ),
    "leads": codes("C0-DF E0-EF E0-E3 ED F0-F4 415-41F 432-43F 393-3A1"),
    "tails": codes("80-BF A0-BF 20 3F FFFD 2018-201E 40E-40F"),
}

READABLE = "foreign quotes emoji capitals composed foreign+quotes".split()
MISREAD = [f"{source}>{codec}" for codec in CODECS for source in READABLE]
TWICE = [
    f"{source}>{codecs}"
    for codecs in """windows-1252>windows-1252 latin-1>latin-1 latin-1>windows-1252
        windows-1251>windows-1251 windows-1252>437 mac>windows-1252 windows-1250>windows-1254
        windows-1257>windows-1253 windows-1252>windows-1252>windows-1252""".split()
    for source in READABLE
]
DAMAGED = [f"{source}>lose" for source in MISREAD]
REFERENCES = """amp+names amp+names+letters amp+capital_names amp+numbers amp+malformed
    amp+names+punctuation"""

CATEGORIES = [  # name, sources, joins, least, most, how many
    ("captions", "words " * 12 + "punctuation digits", "joins", 1, 14, 8000),
    (
        "contractions",
        """words+contractions words+contractions+contractions capitals+contractions contractions
        words digits""",
        *("loose_joins", 1, 10, 8000),
    ),
    (
        "digits and punctuation",
        "digits punctuation digits+punctuation words punctuation+words special",
        *("loose_joins", 1, 12, 8000),
    ),
    (
        "case",
        "capitals capitals+capitals scripts letters+capitals capitals+marks capitals+punctuation",
        *("loose_joins", 1, 8, 8000),
    ),
    ("scripts", "scripts foreign scripts+scripts", "loose_joins", 1, 8, 8000),
    ("anything", "assigned assigned+letters words", "loose_joins", 1, 6, 8000),
    ("emoji", "emoji emoji+emoji symbols words symbols+marks", "loose_joins", 1, 8, 8000),
    (
        "marks",
        "composed letters+marks composed+marks scripts+marks marks+scripts jamo",
        *("loose_joins", 1, 8, 8000),
    ),
    (
        "width and ligatures",
        "wide wide_forms ligatures words+ligatures wide+wide ligatures+marks",
        *("loose_joins", 1, 8, 8000),
    ),
    (
        "quotes",
        "quotes+words+quotes words+quotes+letters quotes quotes+digits words foreign",
        *("loose_joins", 1, 8, 8000),
    ),
    ("references", REFERENCES + " words", "loose_joins", 1, 6, 12000),
    (
        "markup",
        REFERENCES + " tags tags tags+words wide foreign>windows-1252",
        *("line_joins", 1, 8, 8000),
    ),
    ("misread", " ".join(MISREAD + ["words"] * 20), "loose_joins", 1, 5, 12000),
    ("misread twice", " ".join(TWICE + ["words"] * 10), "loose_joins", 1, 4, 8000),
    ("damaged", " ".join(DAMAGED), "line_joins", 1, 4, 12000),
    (
        "garbled",
        "upper leads+tails latin leads+tails+leads+tails foreign>windows-1252 words",
        *("line_joins", 1, 6, 8000),
    ),
    (
        "controls",
        """controls terminal words+terminal+words space words controls+words
        foreign>windows-1252+space""",
        *("none", 1, 12, 8000),
    ),
    ("space", "words+space space+space foreign+space amp+names+space", "none", 1, 10, 4000),
    (
        "long",
        "words words foreign words+punctuation foreign>windows-1252 amp+names",
        *("joins", 40, 120, 4000),
    ),
    ("nothing", "nothing", "none", 0, 4, 1000),
]
