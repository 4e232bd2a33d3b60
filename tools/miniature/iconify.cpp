#include "tools/miniature/iconify.h"

#include <nlohmann/json.hpp>
#include <string>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "tools/miniature/vocabulary.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kDefaultSide = 16;  // Iconify's, where neither set nor icon says

json read_object(const fs::path& path) {
  auto object = json::parse(read_file(path), nullptr, false);
  if (!object.is_object()) throw failure(path.string() + ": expected a JSON object");
  return object;
}

/// An icon or, where the name is an alias without a transformation, the icon that it stands for.
const json& find_icon(const json& set, const std::string& name) {
  const auto& icons = set.at("icons");
  if (const auto found = icons.find(name); found != icons.end()) return *found;
  const auto& alias = set.at("aliases").at(name);
  if (alias.size() != 1) throw failure("\"" + name + "\": a transformed alias");
  return icons.at(alias.at("parent").get<std::string>());
}

std::string svg_of(const json& set, const json& icon) {
  const auto side = [&](const char* key) {
    return std::to_string(icon.value(key, set.value(key, kDefaultSide)));
  };
  return R"(<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 )" +
         side("width") + " " + side("height") + "\">" + icon.at("body").get<std::string>() + "</svg>\n";
}

}  // namespace

std::size_t write_iconify_svgs(const fs::path& package, const fs::path& out) {
  const auto icons = package / "icons.json";
  const auto set = read_object(icons);
  const auto characters = read_object(package / "chars.json");
  make_directory(out);
  try {
    for (const auto& [code_points, name] : characters.items()) {
      write_file_atomically(out / (emoji_key(code_points) + ".svg"),
                            svg_of(set, find_icon(set, name.get<std::string>())));
    }
  } catch (const std::exception& error) {
    throw failure(icons.string() + ": " + error.what());
  }
  return characters.size();
}

}  // namespace forgedit
