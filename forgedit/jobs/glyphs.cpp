#include "forgedit/jobs/glyphs.h"

#include <spdlog/fmt/fmt.h>

#include "forgedit/core/one_line.h"
#include "forgedit/io/charts/text_painter.h"

namespace forgedit {

void note_missing_glyphs(const Fonts& fonts, const std::vector<std::string>& texts, JobContext& job) {
  const TextPainter painter(fonts);
  std::size_t count = 0;
  const std::string* first = nullptr;
  for (const auto& text : texts) {
    const auto lacking = painter.lacking(text);
    if (lacking > 0 && !first) first = &text;
    count += lacking;
  }
  if (!first) return;
  job.note(fmt::format(
      "no installed font has {} character{} of \"{}\"{}: sheet.png shows their codes, edit.json has the text",
      count, count == 1 ? "" : "s", one_line(*first),
      texts.size() > 1 && painter.lacking(*first) < count ? " and other texts" : ""));
}

}  // namespace forgedit
