#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// One value of a pickle. Calls and objects in a pickle are only described, never executed.
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
    dict,        ///< also OrderedDict and defaultdict; `items`: key, value, key, value …
    global,      ///< `text`: "module.name" of a class or function
    persistent,  ///< `items`: the one value that names an object outside the pickle
    object,      ///< the result of calling items[0] with items[1]
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;

  bool is_global(std::string_view name) const { return kind == Kind::global && text == name; }
  /// Returns the value of a dict under a text key, or null if there is none. If the key repeats, the last
  /// value is returned, as in Python.
  const PickleValue* find(std::string_view key) const;
};

/// A parsed pickle. `values` owns `root` and all values below it, which may form cycles.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  std::size_t end = 0;  ///< position of its end in the bytes
};

/// Parses the pickle that begins at `begin` of `bytes`: protocols 2 to 5. Bytes, values, stack and memo are
/// limited. Throws an Error that begins with `origin` for an unknown or misplaced opcode. Format:
/// https://docs.python.org/3/library/pickletools.html
Pickle read_pickle(std::string_view bytes, std::size_t begin, const std::string& origin);

}  // namespace forgedit
