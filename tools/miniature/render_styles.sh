#!/bin/sh
# Renders the emoji styles that the miniature was not trained on, into .pack/flat.pack and .pack/noto.pack. Needs the
# packages of fetch_data.sh, rsvg-convert (Debian: librsvg2-bin), and forgedit_miniature_data on the PATH.
set -eu
packages=${1:-.pack/npm}/node_modules
out=${2:-.pack}
for style in flat:fluent-emoji-flat noto:noto; do
  name=${style%:*}
  folder=$out/$name
  forgedit_miniature_data svg --emoji "$packages/@iconify-json/${style#*:}" --out "$folder"
  for svg in "$folder"/*.svg; do
    rsvg-convert --width 256 --height 256 --keep-aspect-ratio "$svg" --output "${svg%.svg}.png"
  done
  forgedit_miniature_data pack --style "$name" --quality 100 --emoji "$folder" \
    --labels "$packages/emojibase-data/en/data.json" --out "$out/$name.pack"
done
