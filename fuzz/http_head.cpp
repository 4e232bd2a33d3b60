// A request's first line and headers, one a line, after HTTP's own parser: access, routes, cookies, queries.
#include "forgedit/serve/http_gate.h"
#include "fuzz/input.h"

namespace {

using namespace forgedit;

HttpResponse nothing(const HttpRequest&) {
  return {};
}

struct Server {
  Server() {
    AccessOptions options;
    options.host_names = {"edits.example"};
    options.page_origins = {"https://app.example"};
    options.behind_proxy = true;
    sessions = options.sessions =
        std::make_shared<Sessions>(std::vector<OwnedToken>{{"ann", "token"}}, "cookie");
    rules = access_rules("127.0.0.1", 7860, options);
    const HttpRouter router({{"GET", "/", 0, nothing},
                             {"GET", "/jobs/{id}", 0, nothing},
                             {"POST", "/jobs/{id}/pictures/{stem}.png", 10, nothing}});
    gate = std::make_unique<HttpGate>(rules, router, HttpGate::Limits{20, 2048, "/base"});
  }
  std::shared_ptr<Sessions> sessions;
  AccessRules rules;
  std::unique_ptr<HttpGate> gate;
};

/// What stands before `mark`, which the text loses with it.
std::string_view take(std::string_view& text, char mark) {
  const auto end = std::min(text.find(mark), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Server server;
  const auto all = fuzzing::as_text(data, size);
  std::string_view text = all;
  auto line = take(text, '\n');
  HttpHead head;
  head.method = take(line, ' ');
  head.target = line;
  while (!text.empty()) {
    auto field = take(text, '\n');
    const auto name = take(field, ':');
    head.fields.emplace_back(name, field);
  }
  try {
    const auto passed = server.gate->pass(head);
    if (!passed.route) std::abort();
    for (const auto& part : passed.request.parts) {
      if (part.find('\0') != std::string::npos) std::abort();
    }
    answer(*passed.route, passed.request, {});
  } catch (const HttpError&) {
  }
  return 0;
}
