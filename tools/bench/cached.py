"""Texts by OpenCLIP's modules with kept keys and values, which its own `generate` does not have.

One clip, whose keys and values all beams share. Caches are as long as the text may be and masked, so
that every step has the same shapes and can be compiled. OpenCLIP hides ids that equal the pad from what
follows; here nothing is hidden, which is the same for texts without pads. Whether ids are those of
`generate` is for the caller to see.
"""

import math

import torch
import torch.nn.functional as F

SOT, EOS = 49406, 49407


class Steps:
    """The text tower and the decoder about one clip, an id at a time, for so many `rows` at once."""

    def __init__(self, model, rows: int, length: int):
        self.text, self.decoder = model.text, model.text_decoder
        self.tower = list(self.text.transformer.resblocks)
        attention = self.tower[0].attn
        self.heads, self.head_dim = attention.num_heads, attention.head_dim
        projection = self.decoder.text_projection
        blocks = len(self.tower) + len(self.decoder.resblocks)
        self.keys_values = projection.new_zeros(blocks, 2, rows, self.heads, length, self.head_dim)
        self.positions = torch.arange(length, device=projection.device)

    def see(self, context: torch.Tensor) -> list[list[torch.Tensor]]:
        """Keys and values of a clip's context (1, Q-1, E), for each layer of the decoder."""
        return [self._clip(block, context) for block in self.decoder.cross_attn]

    def follow(self, rows: torch.Tensor) -> None:
        """Row i goes on from row `rows[i]`."""
        self.keys_values.copy_(self.keys_values.index_select(2, rows))

    def logits(self, ids: torch.Tensor, at: torch.Tensor, clip: list) -> torch.Tensor:
        """(rows) ids at position `at` (1) -> (rows, V) f32 for the next."""
        x = self.text.token_embedding(ids) + self.text.positional_embedding.index_select(0, at)
        caches = iter(self.keys_values)
        for block in self.tower:
            x = self._self(block, x, next(caches), at)
        for block, cross, seen in zip(self.decoder.resblocks, self.decoder.cross_attn, clip):
            x = self._cross(cross, self._self(block, x, next(caches), at), seen)
        return (self.decoder.ln_final(x) @ self.decoder.text_projection).float()

    def _self(self, block, x, cache, at):
        parts = F.linear(block.ln_1(x), block.attn.in_proj_weight, block.attn.in_proj_bias)
        query, key, value = parts.view(len(x), 3, self.heads, 1, self.head_dim).unbind(1)
        keys, values = cache
        keys.index_copy_(2, at, key)
        values.index_copy_(2, at, value)
        seen = (self.positions <= at)[None]
        mixed = F.scaled_dot_product_attention(query, keys, values, attn_mask=seen)
        return finish(block, x, mixed.reshape(x.shape))

    def _cross(self, block, x, seen):
        weight, bias = (part.chunk(3)[0] for part in (block.attn.in_proj_weight, block.attn.in_proj_bias))
        query = F.linear(block.ln_1(x), weight, bias).view(len(x), self.heads, self.head_dim)
        # One clip: the rows are the queries of one attention.
        mixed = F.scaled_dot_product_attention(query.transpose(0, 1)[None], *seen)
        return finish(block, x, mixed[0].transpose(0, 1).reshape(x.shape))

    def _clip(self, block, context):
        normed = block.ln_1_kv(context)
        weights, biases = block.attn.in_proj_weight.chunk(3)[1:], block.attn.in_proj_bias.chunk(3)[1:]
        heads = (self.heads, self.head_dim)
        return [F.linear(normed, weight, bias).unflatten(-1, heads).transpose(1, 2).contiguous()
                for weight, bias in zip(weights, biases)]


def finish(block, x, mixed):
    """What a block does behind its attention."""
    x = x + block.ls_1(block.attn.out_proj(mixed))
    return x + block.ls_2(block.mlp(block.ln_2(x)))


class Writer:
    """Texts of `length` ids from SOT on, which may end with the last."""

    def __init__(self, model, rows: int, length: int, compiled=lambda run: run):
        self.steps, self.rows, self.length = Steps(model, rows, length - 1), rows, length
        self.see, self.logits = compiled(self.steps.see), compiled(self.steps.logits)

    def greedy(self, context: torch.Tensor) -> torch.Tensor:
        """About a context (1, Q-1, E): (1, length) ids, of which the last is EOS."""
        text, clip = [torch.full((1,), SOT, device=context.device)], self.see(context)
        for at in self.steps.positions.split(1):
            logits = self.logits(text[-1], at, clip)
            logits[:, EOS] = -math.inf
            text.append(logits.argmax(-1))
        text[-1] = torch.full_like(text[-1], EOS)
        return torch.stack(text, dim=1)

    def beams(self, context: torch.Tensor) -> torch.Tensor:
        """About a context (1, Q-1, E): (1, length) ids of the best of `rows` beams, by sums of logits as
        OpenCLIP has them."""
        clip = self.see(context)
        ids = torch.full((self.rows,), SOT, device=context.device)
        text = ids[:, None]
        # At first all beams are the same: only one counts.
        sums = torch.full((self.rows, 1), -1e9, device=context.device)
        sums[0] = 0
        for step, at in enumerate(self.steps.positions.split(1)):
            logits = self.logits(ids, at, clip)
            if step < self.length - 2:
                logits[:, EOS] = -math.inf
            best, where = (sums + logits).flatten().topk(self.rows)
            vocab = logits.shape[-1]
            rows, ids = where // vocab, where % vocab
            text = torch.cat([text[rows], ids[:, None]], dim=1)
            sums = best[:, None]
            self.steps.follow(rows)
        return text[:1]
