// A form as OpenAI's clients send it: the header Content-Type, then the body.
#include "forgedit/serve/http.h"
#include "forgedit/serve/multipart.h"
#include "forgedit/serve/openai_form.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto all = fuzzing::as_text(data, size);
  const auto end = std::min(all.find('\n'), all.size());
  const auto type = all.substr(0, end), body = all.substr(std::min(end + 1, all.size()));
  try {
    for (const auto& part : read_multipart(type, body)) {
      const bool is_inside = part.content.data() >= body.data() &&
                             part.content.data() + part.content.size() <= body.data() + body.size();
      if (!is_inside || part.name.empty()) std::abort();
    }
  } catch (const HttpError&) {
  }
  try {
    const auto edit = read_openai_edit(type, body);
    if (edit.picture.empty() || edit.count < 1 || edit.count > 10) std::abort();
  } catch (const HttpError&) {
  }
  return 0;
}
