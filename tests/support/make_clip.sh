# make_clip FOLDER MODEL: writes a CLIPModel folder with meaningless weights: the tokenizer of a tiny Stable Diffusion,
# and the first bytes of its UNet as weights. To be sourced; needs only a shell.
make_clip() {
  local folder=$1 model=$2 header= at=0 vocabulary values dimensions name
  vocabulary=$(grep -o '": *[0-9]' "$model/tokenizer/vocab.json" | wc -l)
  local tensors="logit_scale: text_projection.weight:6,8 visual_projection.weight:6,8"
  tensors+=" text_model.embeddings.token_embedding.weight:$vocabulary,8"
  tensors+=" text_model.embeddings.position_embedding.weight:77,8 vision_model.embeddings.class_embedding:8"
  tensors+=" vision_model.embeddings.patch_embedding.weight:8,3,8,8 vision_model.embeddings.position_embedding.weight:17,8"
  for name in text_model.final_layer_norm vision_model.pre_layrnorm vision_model.post_layernorm; do
    tensors+=" $name.weight:8 $name.bias:8"
  done
  local tower part
  for tower in text_model vision_model; do
    local layer=$tower.encoder.layers.0
    for part in k v q out; do
      tensors+=" $layer.self_attn.${part}_proj.weight:8,8 $layer.self_attn.${part}_proj.bias:8"
    done
    tensors+=" $layer.layer_norm1.weight:8 $layer.layer_norm1.bias:8 $layer.layer_norm2.weight:8 $layer.layer_norm2.bias:8"
    tensors+=" $layer.mlp.fc1.weight:16,8 $layer.mlp.fc1.bias:16 $layer.mlp.fc2.weight:8,16 $layer.mlp.fc2.bias:8"
  done
  for name in $tensors; do
    dimensions=${name#*:}
    values=$((${dimensions:+${dimensions//,/*}*}4))
    header+="${header:+,}\"${name%%:*}\":{\"dtype\":\"F32\",\"shape\":[$dimensions],\"data_offsets\":[$at,$((at + values))]}"
    at=$((at + values))
  done
  header="{$header}"
  cp -r "$model/tokenizer" "$folder"
  local i length=${#header} weights=$model/unet/diffusion_pytorch_model.safetensors skip
  skip=$(od -An -tu8 -N8 "$weights" | tr -d ' ')
  {
    for ((i = 0; i < 8; i++)); do printf "\\x$(printf %02x $((length >> 8 * i & 255)))"; done
    printf %s "$header"
    tail -c +$((9 + skip)) "$weights" | head -c $at
  } >"$folder/model.safetensors"
  cat >"$folder/config.json" <<END
{"model_type": "clip", "projection_dim": 6,
 "text_config": {"vocab_size": $vocabulary, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
   "num_attention_heads": 2, "max_position_embeddings": 77},
 "vision_config": {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
   "image_size": 32, "patch_size": 8}}
END
}
