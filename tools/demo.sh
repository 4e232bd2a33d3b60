#!/bin/sh
# Edits the miniature's demo picture into demo/ in two ways: its action and its background. The miniature's captioner
# writes the source prompt. A second run resumes the first; `make clean` removes demo/.
set -eu
cd "$(dirname "$0")/.."
build/release/bin/forgedit edit assets/miniature/demo.png \
  "a man running: dark skin tone on a blue background" \
  "a man walking: dark skin tone on a yellow background" \
  --unlearned --out demo
echo "Look at demo/report.html in a browser, or at demo/sheet.png"
