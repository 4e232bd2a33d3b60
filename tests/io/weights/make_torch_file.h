#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "forgedit/core/torch.h"

namespace forgedit::testing {

template <class Number>
std::string little_endian(Number value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// Pickle opcodes as strings, to be joined: what Python's pickler (protocol 2) writes for these values.
namespace pickled {
inline std::string text(const std::string& s) {
  return "X" + little_endian(static_cast<std::uint32_t>(s.size())) + s;
}
inline std::string integer(std::int64_t value) {
  if (value >= INT32_MIN && value <= INT32_MAX) return "J" + little_endian(static_cast<std::int32_t>(value));
  return std::string("\x8a\x08") + little_endian(value);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::string& items) {
  return "(" + items + "t";
}
inline std::string dict(const std::string& keys_and_values) {
  return "}(" + keys_and_values + "u";
}
inline std::string call(const std::string& function, const std::string& arguments) {
  return function + tuple(arguments) + "R";
}
inline std::string ordered_dict(const std::string& keys_and_values) {
  return call(global("collections", "OrderedDict"), "") + "(" + keys_and_values + "u";
}
inline std::string none() {
  return "N";
}
inline std::string no() {
  return "\x89";
}
/// A whole pickle.
inline std::string whole(const std::string& value) {
  return "\x80\x02" + value + ".";
}

inline std::string integers(at::IntArrayRef values) {
  std::string items;
  for (const auto value : values) items += integer(value);
  return tuple(items);
}
/// The name by which an object outside of the pickle goes; the older layout adds a view.
inline std::string storage(const std::string& type, const std::string& key, std::int64_t numel,
                           bool legacy = false) {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + integer(numel) +
               (legacy ? none() : "")) +
         "Q";
}
inline std::string tensor(const std::string& storage, std::int64_t offset, at::IntArrayRef shape,
                          at::IntArrayRef strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              storage + integer(offset) + integers(shape) + integers(strides) + no() +
                  call(global("collections", "OrderedDict"), ""));
}
inline std::string parameter(const std::string& tensor) {
  return call(global("torch._utils", "_rebuild_parameter"),
              tensor + no() + call(global("collections", "OrderedDict"), ""));
}
}  // namespace pickled

struct NamedBytes {
  std::string name, bytes;
};

/// A zip archive with stored entries; `zip64` as PyTorch writes large ones.
inline std::string zip_archive(const std::vector<NamedBytes>& entries, bool zip64 = false) {
  std::string archive, directory;
  const auto u16 = [](std::size_t value) { return little_endian(static_cast<std::uint16_t>(value)); };
  const auto u32 = [](std::size_t value) { return little_endian(static_cast<std::uint32_t>(value)); };
  const auto u64 = [](std::size_t value) { return little_endian(static_cast<std::uint64_t>(value)); };
  for (const auto& [name, bytes] : entries) {
    const auto offset = archive.size();
    // Padding in the extra field, so that the bytes start at a multiple of 64.
    const auto start = offset + 30 + name.size();
    auto pad = (64 - start % 64) % 64;
    if (pad > 0 && pad < 4) pad += 64;
    const auto padding = pad == 0 ? std::string() : "FB" + u16(pad - 4) + std::string(pad - 4, 'Z');
    archive += "PK\x03\x04" + u16(20) + u16(0) + u16(0) + u32(0) + u32(0) + u32(bytes.size()) +
               u32(bytes.size()) + u16(name.size()) + u16(padding.size()) + name + padding + bytes;
    const auto extra = zip64 ? u16(1) + u16(24) + u64(bytes.size()) + u64(bytes.size()) + u64(offset) : "";
    const auto size32 = zip64 ? u32(UINT32_MAX) : u32(bytes.size());
    directory += "PK\x01\x02" + u16(20) + u16(20) + u16(0) + u16(0) + u32(0) + u32(0) + size32 + size32 +
                 u16(name.size()) + u16(extra.size()) + u16(0) + u16(0) + u16(0) + u32(0) +
                 (zip64 ? u32(UINT32_MAX) : u32(offset)) + name + extra;
  }
  const auto at = archive.size();
  archive += directory;
  if (zip64) {
    const auto end64 = archive.size();
    archive += "PK\x06\x06" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(entries.size()) +
               u64(entries.size()) + u64(directory.size()) + u64(at);
    archive += "PK\x06\x07" + u32(0) + u64(end64) + u32(1);
    return archive + "PK\x05\x06" + u16(0) + u16(0) + u16(0xffff) + u16(0xffff) + u32(UINT32_MAX) +
           u32(UINT32_MAX) + u16(0);
  }
  return archive + "PK\x05\x06" + u16(0) + u16(0) + u16(entries.size()) + u16(entries.size()) +
         u32(directory.size()) + u32(at) + u16(0);
}

inline std::string bytes_of(const at::Tensor& tensor) {
  const auto plain = tensor.contiguous();
  return {static_cast<const char*>(plain.data_ptr()), plain.nbytes()};
}

/// A file of torch.save: `root` pickled, with storages by key.
inline std::string torch_zip(const std::string& root, const std::vector<NamedBytes>& storages,
                             bool zip64 = false) {
  std::vector<NamedBytes> entries{{"archive/data.pkl", pickled::whole(root)},
                                  {"archive/byteorder", "little"}};
  for (const auto& [key, bytes] : storages) entries.push_back({"archive/data/" + key, bytes});
  entries.push_back({"archive/version", "3\n"});
  return zip_archive(entries, zip64);
}

/// The same in the older layout; each storage gives its number of elements too.
struct LegacyStorage {
  std::string key, bytes;
  std::int64_t numel;
};
inline std::string torch_legacy(const std::string& root, const std::vector<LegacyStorage>& storages) {
  std::string file = pickled::whole(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"));
  file += pickled::whole("M\xe9\x03");
  file += pickled::whole(pickled::dict(pickled::text("protocol_version") + "M\xe9\x03" +
                                       pickled::text("little_endian") + "\x88"));
  file += pickled::whole(root);
  std::string keys, data;
  for (const auto& storage : storages) {
    keys += pickled::text(storage.key);
    data += little_endian(storage.numel) + storage.bytes;
  }
  return file + pickled::whole("](" + keys + "e") + data;
}

inline const char* storage_type(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return "DoubleStorage";
    case at::kFloat:
      return "FloatStorage";
    case at::kHalf:
      return "HalfStorage";
    case at::kBFloat16:
      return "BFloat16Storage";
    case at::kLong:
      return "LongStorage";
    case at::kInt:
      return "IntStorage";
    case at::kShort:
      return "ShortStorage";
    case at::kChar:
      return "CharStorage";
    case at::kByte:
      return "ByteStorage";
    default:
      return "BoolStorage";
  }
}

/// Names and tensors as keys and values of a dictionary, one storage each.
struct PickledTensors {
  std::string items;
  std::vector<NamedBytes> storages;
};
template <class Tensors>
PickledTensors pickled_tensors(const Tensors& tensors) {
  PickledTensors result;
  for (const auto& [name, tensor] : tensors) {
    const auto key = std::to_string(result.storages.size());
    const auto plain = tensor.contiguous();
    result.items += pickled::text(name) +
                    pickled::tensor(pickled::storage(storage_type(plain.scalar_type()), key, plain.numel()),
                                    0, plain.sizes(), plain.strides());
    result.storages.push_back({key, bytes_of(plain)});
  }
  return result;
}

}  // namespace forgedit::testing
