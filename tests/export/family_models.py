"""Tiny sequence classifications of every family that the export knows, made and saved by transformers itself."""

from exporting import LABELS, VOCAB

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
DISTILBERT = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
DEBERTA_V3 = {"relative_attention": True, "position_buckets": 16, "max_relative_positions": -1, "share_att_key": True,
              "pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm", "position_biased_input": False,
              "type_vocab_size": 0, "max_position_embeddings": 512}
MODERN = {"num_hidden_layers": 4, "local_attention": 16, "max_position_embeddings": 512, "pad_token_id": 0}
# Name: (model_type, settings). The first of each type is as published, in small; the others are odd.
MODELS = {
    "bert": ("bert", SIZES),
    "roberta": ("roberta", SIZES | {"max_position_embeddings": 514, "type_vocab_size": 1}),
    "xlm-roberta": ("xlm-roberta", SIZES | {"max_position_embeddings": 514, "type_vocab_size": 1}),
    "camembert": ("camembert", SIZES | {"max_position_embeddings": 514, "type_vocab_size": 1}),
    "distilbert": ("distilbert", DISTILBERT),
    "electra": ("electra", SIZES | {"embedding_size": 16}),
    "mpnet": ("mpnet", SIZES | {"max_position_embeddings": 514}),
    "deberta-v3": ("deberta-v2", SIZES | DEBERTA_V3),
    "modernbert": ("modernbert", SIZES | MODERN),
}
ODD = {
    "bert of one token type": ("bert", SIZES | {"type_vocab_size": 1, "hidden_act": "gelu_pytorch_tanh"}),
    "roberta padded with 3": ("roberta", SIZES | {"pad_token_id": 3, "max_position_embeddings": 516, "type_vocab_size": 2,
                                                  "num_attention_heads": 2, "layer_norm_eps": 1e-5}),
    "distilbert of waves": ("distilbert", DISTILBERT | {"sinusoidal_pos_embds": True, "activation": "relu", "n_heads": 1}),
    "electra without projection": ("electra", SIZES | {"embedding_size": 32, "hidden_act": "gelu_new"}),
    "mpnet of three heads": ("mpnet", SIZES | {"hidden_size": 33, "num_attention_heads": 3, "intermediate_size": 97,
                                              "max_position_embeddings": 514, "layer_norm_eps": 1e-5}),
    "deberta without buckets": ("deberta-v2", SIZES | DEBERTA_V3 | {
        "position_buckets": -1, "max_relative_positions": 20, "share_att_key": False, "pos_att_type": "c2p", "norm_rel_ebd": "none",
        "position_biased_input": True, "type_vocab_size": 2, "embedding_size": 16, "pooler_hidden_act": "tanh"}),
    "deberta by keys": ("deberta-v2", SIZES | DEBERTA_V3 | {"share_att_key": False, "pos_att_type": "p2c"}),
    "modernbert of the mean": ("modernbert", SIZES | MODERN | {
        "classifier_pooling": "mean", "norm_bias": True, "attention_bias": True, "mlp_bias": True, "classifier_bias": True,
        "global_attn_every_n_layers": 2, "hidden_activation": "relu", "classifier_activation": "gelu_pytorch_tanh"}),
}


def make(name, **changes):
    """The model, its weights large enough that texts differ in their logits and positions matter."""
    import torch
    import transformers

    kind, settings = (MODELS | ODD)[name]
    torch.manual_seed(8)
    config = transformers.AutoConfig.for_model(
        kind, **{"vocab_size": len(VOCAB), "num_labels": len(LABELS)} | settings | changes)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(mean=1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0, std=0.3)
        list(model.parameters())[-2].mul_(4.0)  # the last layer
    return model


def save(model, folder, **settings):
    """As save_pretrained does, with the vocabulary of the tests."""
    import json

    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False} | settings))
    return folder
