#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// One value of a pickle. What a pickle would call or build is only described, never run.
struct PickleValue {
  enum class Kind {
    none,
    boolean,      ///< `integer` 0 or 1
    integer,      ///< fits 64 bits
    big_integer,  ///< `text`: its bytes, little-endian, two's complement
    real,
    text,
    bytes,
    list,
    tuple,
    dict,        ///< OrderedDict and defaultdict too; `items`: key, value, key, value …
    global,      ///< `text`: "module.name" of a class or function
    persistent,  ///< `items`: the one value that names an object outside of the pickle
    object,      ///< what calling items[0] with items[1] would give
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;

  bool is_global(std::string_view name) const { return kind == Kind::global && text == name; }
  /// The value of a dict under a text key, the last one as in Python; null where there is none.
  const PickleValue* find(std::string_view key) const;
};

/// A pickle that was read: `root` and all below it live in `values`, and may hold cycles.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  std::size_t end = 0;  ///< of the pickle in its bytes
};

/// Reads the pickle that starts at `begin` of `bytes`: protocols 2 to 5. Its bytes, values, stack and memo
/// are bounded; an opcode that is unknown or has no place is an Error that starts with `origin`. Format:
/// https://docs.python.org/3/library/pickletools.html
Pickle read_pickle(std::string_view bytes, std::size_t begin, const std::string& origin);

}  // namespace forgedit
