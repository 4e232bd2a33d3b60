#include "forgedit/io/pictures/xmp.h"

#include <pugixml.hpp>
#include <set>
#include <string>

#include "forgedit/core/text.h"

namespace forgedit {
namespace {

constexpr std::string_view kTiff = "http://ns.adobe.com/tiff/1.0/";
// A packet of a real picture has at most a few hundred kilobytes.
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

std::string_view local_name(std::string_view name) {
  return name.substr(name.find(':') + 1);
}

std::optional<int> orientation_in(std::string_view text) {
  const auto digit = trimmed(text);
  if (digit.size() != 1 || digit[0] < '1' || digit[0] > '8') return std::nullopt;
  return digit[0] - '0';
}

/// Finds the orientation among the descriptions. Those of other pictures, such as ingredients, are deeper.
class OrientationWalker : public pugi::xml_tree_walker {
 public:
  std::optional<int> orientation;

  bool for_each(pugi::xml_node& node) override {
    for (const pugi::xml_attribute attribute : node.attributes()) {
      const std::string_view name = attribute.name();
      if (name.substr(0, 6) == "xmlns:" && attribute.value() == kTiff) prefixes_.emplace(name.substr(6));
    }
    const pugi::xml_node parent = node.parent();
    if (is_description(node)) {
      for (const pugi::xml_attribute attribute : node.attributes()) {
        if (is_orientation(attribute.name())) orientation = orientation_in(attribute.value());
      }
    } else if (is_description(parent) && is_orientation(node.name())) {
      orientation = orientation_in(node.child_value());
    }
    return !orientation;
  }

 private:
  static bool is_description(const pugi::xml_node& node) {
    return local_name(node.name()) == "Description" && local_name(node.parent().name()) == "RDF";
  }
  bool is_orientation(std::string_view name) const {
    return local_name(name) == "Orientation" &&
           prefixes_.count(std::string(name.substr(0, name.find(':')))) != 0;
  }

  std::set<std::string> prefixes_;
};

}  // namespace

std::optional<int> xmp_orientation(std::string_view xmp) {
  if (xmp.empty() || xmp.size() > kMaxBytes) return std::nullopt;
  pugi::xml_document document;
  // A truncated packet is parsed up to its end.
  document.load_buffer(xmp.data(), xmp.size());
  OrientationWalker walker;
  document.traverse(walker);
  return walker.orientation;
}

}  // namespace forgedit
