// Edits one picture: edit_picture PICTURE SOURCE TARGET OUT. With the miniature model, and few steps.
#include <forgedit.h>

#include <iostream>
#include <memory>
#include <string>

namespace {

struct Close {
  void operator()(forgedit_engine* engine) const { forgedit_close(engine); }
};

/// `text` as a JSON string.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

void count_events(const char*, void* count) {
  ++*static_cast<int*>(count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "Usage: edit_picture PICTURE SOURCE TARGET OUT\n";
    return FORGEDIT_USAGE;
  }
  const std::unique_ptr<forgedit_engine, Close> engine(forgedit_open(FORGEDIT_API_VERSION, nullptr));
  if (!engine) {
    std::cerr << forgedit_last_error(nullptr) << "\n";
    return FORGEDIT_FAILURE;
  }
  const auto request = "{\"picture\": " + quoted(argv[1]) + ", \"source\": " + quoted(argv[2]) +
                       ", \"target\": " + quoted(argv[3]) + ", \"out\": " + quoted(argv[4]) +
                       ", \"samples\": 20, \"gamma\": 1, \"sampler\": \"dpm++\", \"steps\": 5}";
  int events = 0;
  const int status = forgedit_run(engine.get(), request.c_str(), count_events, &events);
  if (status != FORGEDIT_OK) std::cerr << forgedit_last_error(engine.get()) << "\n";
  std::cout << forgedit_version() << ": " << events << " events\n";
  return status;
}
