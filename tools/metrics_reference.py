#!/usr/bin/env python3
"""Write what others compute of generated captions and scores: the fixtures of tests/metrics.

    tools/metrics_reference.py tests/data/metrics

Needs pycocoevalcap, whose tokenizer needs Java, and scikit-learn.

tokens.jsonl      [kind, text, tokens]: a text and what pycocoevalcap's PTBTokenizer makes of it, tokens
                  with a space between. Kinds: `captions`, plain sentences about videos; `written`, any
                  constructs in a row, with marks behind them; `glued`, the same without the spaces.
captions.json     sets of captions with their references, the scores of each, and of the set
multilabel.json   scores of videos for classes, which they show, and scikit-learn's average precision

The lexer looks past the end of a line: how it reads a caption's last word can depend on the next one in
the file. So each text is tokenized with a line of its own behind it. pycocoevalcap itself does not do
so; its scores below come from its own way, and they are the same.
"""

import argparse
import io
import json
import os
import random
from contextlib import redirect_stdout
from pathlib import Path

os.environ.setdefault("JAVA_TOOL_OPTIONS", "-Dfile.encoding=UTF-8")

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from sklearn.metrics import average_precision_score

WHO = ["a man", "a woman", "the girl", "two boys", "a group of people", "someone", "a chef", "an old lady",
       "the band", "three dogs", "a black-and-white cat", "a woman's hands", "kids", "a 20-year-old",
       "Mr. Bean", "Dr. Who", "a DJ", "the U.S. team", "people", "he", "she", "they", "a baby", "a t-rex",
       "a man with a beard", "cartoon characters", "the singer", "a red sports car", "a horse"]
DOES = ["is playing", "are dancing in", "is cooking", "talks about", "is showing how to fix", "rides",
        "is cutting", "doesn't like", "can't find", "is gonna eat", "jumps over", "is walking towards",
        "isn't holding", "sings", "are watching", "is explaining", "has", "wanna buy", "cannot open",
        "is driving", "is folding", "runs around", "review", "is mixing", "explains"]
WHAT = ["a guitar", "the piano", "rice", "a video game", "an onion", "the stage", "a 3d printer", "a horse",
        "rock 'n' roll", "a t-shirt", "the news", "his dog's toy", "a paper airplane", "minecraft", "pizza",
        "their phones", "a bowl of flour", "the ball", "a pan", "a 1980s movie", "a car", "the street",
        "pokémon cards", "makeup", "the engine", "a boat", "football", "x-ray pictures", "soup", "it"]
HOW = ["", "", "", "", "in a kitchen", "on tv", "outside", "at 3:30 pm", "for $5", "with two friends",
       "while talking", "and smiling", "in front of a crowd", "at the beach, too", "(again)", "on youtube",
       "in slow motion", "and then another one", "for 50% off", "- it's funny", "and the dog barks",
       "with 1,000 fans", "very very fast", "over and over and over", "by the lake", "for 1/2 an hour"]
ENDS = ["", "", "", "", "", ".", ".", " .", "!", "...", "?"]

WRITTEN = """
    a man is playing the guitar dog woman's it's can't don't they're I'm we'll he'd you've John's isn't
    CAN'T Don't shouldn't've won't ain't y'all 'tis 'twas 'em 'til 'cause rock'n'roll o'clock ma'am c'mon
    O'Neil d'Artagnan l'eau somethin' runnin' ol' cap'n Hawai'i gonna wanna gotta gimme lemme cannot dunno
    dogs' James' boss's '80s '99 1980s 80's U.S. u.s. U.S.A. U.K. a.m. p.m. A.M. e.g. i.e. etc. vs. a.k.a.
    Ph.D. mr. Mr. mrs. ms. dr. st. St. jr. inc. Inc. co. corp. ltd. ave. blvd. ft. lb. oz. min. jan. Sept.
    sat. mon. no. No. fig. al. J. x. T.V. D.J. 5 10 2010 1,000 1,000,000 3.5 .5 -5 +3 1.2.3 50% 5.5%
    $5 $1,000.50 US$5 £5 €5 5¢ ¥100 1/2 3/4 24/7 9/11 12/31/2010 2010-12-31 3:30 12:30:45 5:30pm 5pm 16:9
    1st 2nd 21st 3d 4x4 1080p 10mph 6'2" 5' 10" 555-1234 1-800-555-1212 10-15 20-year-old mid-1980s
    t-shirt x-ray black-and-white and/or he/she w/ w/o n/a b/w "hello" 'hello' “quoted” ‘quoted’ don’t
    it’s “so,” ``tex'' (paren) [bracket] {brace} (s) word(s) ... .... … -- --- – — - ; : ! ? !! ?! ??? , .
    @user #tag #1 @ # & AT&T R&D b&w &amp; &lt; http://a.b/c https://www.foo.com/watch?v=abc&t=5s
    www.foo.com foo.org youtube.com/abc a@b.com a.b@c.org foo.mp4 end.the go!go x,y a_b c++ C# mp3 <b> </b>
    <br/> < > <3 << + = = * ** *** ~ | \\ / // ^ _ __ ½ ¼ 20° 5°C ™ © × café naïve über résumé 日本語 привет
    한국어 é ﬁ 😀 👍🏽 ❤ ☃ ★ ♪ → :) :-) ;) :D :( :/ :P ;-) =) ^_^ -_- hello hey the The A In it on of
""".split()
WRITTEN += ["1 1/2", "( 415 ) 5", "415 555 1212", "vitamin C. The", "p. 5", "no. 5", ". . .", "5 ' 10"]
MARKS = ["", "", "", "", "", "", "", ",", ".", "!", "?", ":", ";", "'s", "...", ")", '"', "'", ".,"]
GLUE = ["", "", " ", " ", " ", ".", ",", "-", "'", '"', "/", "!", "?", ":", ";", "(", ")", "...", "&", "'s "]


def caption(random):
    parts = [random.choice(part) for part in (WHO, DOES, WHAT, HOW)]
    text = " ".join(part for part in parts if part)
    if random.random() < 0.2:
        text += " and " + " ".join(random.choice(part) for part in (WHO, DOES, WHAT))
    text += random.choice(ENDS)
    change = random.random()
    if change < 0.2:
        text = text[0].upper() + text[1:]
    elif change < 0.23:
        text = text.upper()
    elif change < 0.26:
        text = f'"{text}"'
    return text


def texts(random, count):
    for _ in range(count):
        yield "captions", caption(random)
    for _ in range(count):
        parts = (random.choice(WRITTEN) + random.choice(MARKS) for _ in range(random.randint(1, 9)))
        yield "written", " ".join(parts)
    for _ in range(count // 2):
        parts = (random.choice(WRITTEN) + random.choice(GLUE) for _ in range(random.randint(2, 4)))
        yield "glued", "".join(parts).strip()


def tokenized(all_texts):
    lines = {}
    for place, text in enumerate(all_texts):
        lines[2 * place] = [{"caption": text}]
        lines[2 * place + 1] = [{"caption": "x"}]
    tokens = PTBTokenizer().tokenize(lines)
    return [tokens[2 * place][0] for place in range(len(all_texts))]


def scored(videos):
    """A set of (candidate, references) with the scores of pycocoevalcap's way from end to end."""
    tokenizer = PTBTokenizer()
    found = tokenizer.tokenize({i: [{"caption": candidate}] for i, (candidate, _) in enumerate(videos)})
    truth = tokenizer.tokenize({i: [{"caption": text} for text in texts]
                                for i, (_, texts) in enumerate(videos)})
    with redirect_stdout(io.StringIO()):
        bleu, each_bleu = Bleu(4).compute_score(truth, found)
        rouge, each_rouge = Rouge().compute_score(truth, found)
        cider, each_cider = Cider().compute_score(truth, found)
    return {
        "corpus": {"bleu": list(bleu), "rouge_l": float(rouge), "cider": float(cider)},
        "videos": [{
            "candidate": candidate,
            "references": references,
            "bleu": [orders[i] for orders in each_bleu],
            "rouge_l": float(each_rouge[i]),
            "cider": float(each_cider[i]),
        } for i, (candidate, references) in enumerate(videos)],
    }


def captioned(random, count):
    """Candidates from copies of a reference to texts of another video, with odd ones in between."""
    videos = []
    for place in range(count):
        who, what = random.choice(WHO), random.choice(WHAT)
        references = []
        for _ in range(random.randint(1, 20)):
            like = f"{who} {random.choice(DOES)} {what} {random.choice(HOW)}{random.choice(ENDS)}"
            references.append(random.choice([like, like, caption(random)]))
        words = random.choice(references).split()
        random.shuffle(words)
        candidate = [
            random.choice(references),
            f"{who} {random.choice(DOES)} {what}.",
            caption(random),
            " ".join(words),
            f"{who} {who} {who} {what} {what} {what}",
            " ".join(caption(random) for _ in range(4)),
            words[0],
            "1 1/2 " + what,
        ][place % 8]
        videos.append((candidate, references))
    odd = [("", ["a man"]), ("...", ["", "!"]), ("a man", [""]), ("dog", ["dog"]), ("a", ["b", "b"]),
           ("a a a a a a", ["a a", "a"]), ("the cat", ["the cat sat", "a cat"])]
    return videos + odd if count > 1 else videos


def multilabel(random):
    videos, classes = 40, 12
    truth = [[random.random() < 0.02 * c for c in range(classes)] for _ in range(videos)]
    # Coarse scores, so that there are ties; the last class scores the same everywhere.
    scores = [[0.5 if c == classes - 1 else random.randint(0, 6) / 8 + 0.25 * shown[c]
               for c in range(classes)] for shown in truth]
    average = [float(average_precision_score([row[c] for row in truth], [row[c] for row in scores]))
               if any(row[c] for row in truth) else None for c in range(classes)]
    known = [value for value in average if value is not None]
    return {"scores": scores, "shown": [[c for c in range(classes) if row[c]] for row in truth],
            "average_precision": average, "map": sum(known) / len(known)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=900, help="of each kind; half as many glued ones")
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(arguments.seed)

    kinds, all_texts = zip(*dict.fromkeys(texts(rng, arguments.texts)))
    rows = zip(kinds, all_texts, tokenized(all_texts))
    (arguments.folder / "tokens.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    sets = [scored(captioned(rng, count)) for count in (48, 1, 8)]
    rows = ",\n".join(
        '{"corpus": ' + json.dumps(one["corpus"]) + ', "videos": [\n'
        + ",\n".join(json.dumps(video, ensure_ascii=False) for video in one["videos"]) + "]}"
        for one in sets)
    (arguments.folder / "captions.json").write_text(f"[{rows}]\n")
    (arguments.folder / "multilabel.json").write_text(json.dumps(multilabel(rng)) + "\n")


if __name__ == "__main__":
    main()
