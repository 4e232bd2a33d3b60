#!/bin/sh
# Edits the miniature's demo picture twice, by its action and by its background, into demo/. What the picture shows
# the miniature's captioner says. Run again it goes on where it was stopped; `make clean` removes demo/.
set -eu
cd "$(dirname "$0")/.."
build/release/bin/forgedit edit assets/miniature/demo.png \
  "a man running: dark skin tone on a blue background" \
  "a man walking: dark skin tone on a yellow background" \
  --unlearned --out demo
echo "Look at demo/report.html in a browser, or at demo/sheet.png"
