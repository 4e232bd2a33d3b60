#!/bin/sh
# Downloads the emoji pictures and labels for `forgedit_miniature_data pack` and render_styles.sh. The versions are
# fixed, because vocabulary.cpp corrects file names of exactly this picture package.
set -eu
directory=${1:-.pack/npm}
mkdir -p "$directory"
npm install --no-save --no-audit --no-fund --prefix "$directory" \
  @lobehub/fluent-emoji-3d@1.1.0 emojibase-data@17.0.0 \
  @iconify-json/fluent-emoji-flat@1.2.6 @iconify-json/noto@1.2.9
echo "pictures: $directory/node_modules/@lobehub/fluent-emoji-3d/assets"
echo "labels:   $directory/node_modules/emojibase-data/en/data.json"
