"""transformers as a peer: the base model without its head, sdpa, inference mode.

    peer_transformers.py MODEL_FOLDER float32|bfloat16 THREADS

Documents are sorted by length and padded on the right, in batches of the size that tuning chose.
"""

import os
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

import peer_protocol

BATCHES = 1, 4, 8, 32


class Setting(int):
    def __str__(self):
        return f"batch {int(self)}"


def main():
    folder, precision, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    transformers.logging.set_verbosity_error()
    model = transformers.AutoModel.from_pretrained(
        folder, dtype=getattr(torch, precision), attn_implementation="sdpa", local_files_only=True)
    model.eval()
    model.config.use_cache = False

    def settings(documents):
        """A batch size is tried on a whole batch, and on a thousand tokens at least."""
        few = max(1, 1024 * len(documents) // sum(map(len, documents)))
        return [[(Setting(size), max(size, few)) for size in BATCHES if size <= len(documents)]]

    @torch.inference_mode()
    def run(documents, size):
        documents = sorted(documents, key=len)
        for first in range(0, len(documents), size):
            batch = documents[first : first + size]
            lengths = torch.tensor([len(ids) for ids in batch])
            longest = int(lengths.max())
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            for row, document in enumerate(batch):
                ids[row, : len(document)] = torch.tensor(document)
            # Without a mask where nothing is padded: sdpa's causal path is the faster one.
            padded = int(lengths.min()) < longest
            mask = (torch.arange(longest) < lengths[:, None]).long() if padded else None
            model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state

    name = f"transformers {precision}"
    version = f"transformers {transformers.__version__}, PyTorch {torch.__version__}"
    peer_protocol.serve(name, version, settings, run)


if __name__ == "__main__":
    main()
