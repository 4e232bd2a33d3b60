#include "forgedit/io/weights/torch_file.h"

#include <array>
#include <cstring>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/archive/zip.h"
#include "forgedit/io/weights/pickle.h"

namespace forgedit {
namespace {

constexpr std::string_view kZipMagic = "PK\x03\x04";
/// LONG1 of 0x1950a86a20f9469cfc6c. After the protocol, files in the older layout begin with it.
constexpr std::string_view kLegacyMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::int64_t kLegacyVersion = 1001;
constexpr std::size_t kMaxTensorDimensions = 8;
/// How many bytes of a file in the older layout to read at first, and at most: five times the limit of a
/// pickle.
constexpr std::uint64_t kLegacyHead = 1 << 20, kMostLegacyHead = std::uint64_t{320} << 20;

struct StorageType {
  const char* name;
  at::ScalarType type;
};
constexpr std::array kStorageTypes{
    StorageType{"DoubleStorage", at::kDouble}, StorageType{"FloatStorage", at::kFloat},
    StorageType{"HalfStorage", at::kHalf},     StorageType{"BFloat16Storage", at::kBFloat16},
    StorageType{"LongStorage", at::kLong},     StorageType{"IntStorage", at::kInt},
    StorageType{"ShortStorage", at::kShort},   StorageType{"CharStorage", at::kChar},
    StorageType{"ByteStorage", at::kByte},     StorageType{"BoolStorage", at::kBool}};

/// The bytes of a storage in the file.
struct Region {
  std::uint64_t begin = 0, size = 0;
};

/// The description of a storage in a pickle.
struct StorageRecord {
  at::ScalarType type;
  std::string key;
  std::int64_t numel = 0;
  std::int64_t view_offset = 0;  ///< older layout: offset of a view into the storage under `key`, in elements
};

/// The description of a tensor in a pickle.
struct TensorRecord {
  const PickleValue* storage = nullptr;
  const PickleValue* offset = nullptr;
  const PickleValue* shape = nullptr;
  const PickleValue* strides = nullptr;
};

/// Recognises the functions by which PyTorch describes tensors; nullopt for all other objects.
std::optional<TensorRecord> as_tensor(const PickleValue* value) {
  constexpr int kMaxWrappers = 4;  // a parameter of a tensor subclass
  for (int i = 0; i < kMaxWrappers && value->kind == PickleValue::Kind::object; ++i) {
    const auto* function = value->items[0];
    const auto* arguments = value->items[1];
    const auto count = arguments->kind == PickleValue::Kind::tuple ? arguments->items.size() : 0;
    if (function->is_global("torch._tensor._rebuild_from_type_v2") && count >= 3) {
      function = arguments->items[0];
      arguments = arguments->items[2];
    }
    if (arguments->kind != PickleValue::Kind::tuple) return {};
    const auto& items = arguments->items;
    if ((function->is_global("torch._utils._rebuild_tensor_v2") ||
         function->is_global("torch._utils._rebuild_tensor")) &&
        items.size() >= 4) {
      return TensorRecord{items[0], items[1], items[2], items[3]};
    }
    if ((function->is_global("torch._utils._rebuild_parameter") ||
         function->is_global("torch._utils._rebuild_parameter_with_state")) &&
        !items.empty()) {
      value = items[0];
    } else {
      return {};
    }
  }
  return {};
}

/// Reads the tensors of one file whose storages have been found.
class TensorReader {
 public:
  TensorReader(const WeightsInput& file, std::map<std::string, Region> storages, const TensorFilter& wanted)
      : file_(file), storages_(std::move(storages)), wanted_(wanted), origin_(file.origin()) {}

  StateDict read(const PickleValue& root) const {
    if (root.kind == PickleValue::Kind::object && !as_tensor(&root)) {
      throw failure(origin_ + ": a Python object" + class_of(root) +
                    ", not a dictionary of tensors: save its state_dict() instead");
    }
    const auto* chosen = &root;
    for (const char* key : {"state_dict", "model"}) {
      const auto* inner = root.find(key);
      if (!inner || inner->kind != PickleValue::Kind::dict) continue;
      chosen = inner;
      break;
    }
    StateDict result;
    for (std::size_t i = 0; chosen->kind == PickleValue::Kind::dict && i + 1 < chosen->items.size(); i += 2) {
      const auto& name = *chosen->items[i];
      const auto tensor = as_tensor(chosen->items[i + 1]);
      if (name.kind == PickleValue::Kind::text && tensor) result[name.text] = build(name.text, *tensor);
    }
    if (result.empty()) throw failure(origin_ + ": no tensors by name in it");
    return result;
  }

 private:
  static std::string class_of(const PickleValue& object) {
    const auto* callable = object.items[0];
    return callable->kind == PickleValue::Kind::global ? " (" + callable->text + ")" : "";
  }
  [[noreturn]] void reject(const std::string& name, const std::string& what) const {
    throw failure(origin_ + ": " + name + ": " + what);
  }

  StorageRecord storage_of(const std::string& name, const PickleValue& value) const {
    const auto* id = value.kind == PickleValue::Kind::persistent ? value.items[0] : nullptr;
    if (!id || id->kind != PickleValue::Kind::tuple || id->items.size() < 5 ||
        id->items[0]->text != "storage" || id->items[1]->kind != PickleValue::Kind::global ||
        id->items[2]->kind != PickleValue::Kind::text || id->items[4]->kind != PickleValue::Kind::integer) {
      reject(name, "its storage is not described as PyTorch does it");
    }
    const auto& items = id->items;
    const auto dot = items[1]->text.rfind('.');
    const auto type_name = items[1]->text.substr(dot + 1);
    const auto* type = std::find_if(kStorageTypes.begin(), kStorageTypes.end(),
                                    [&](const auto& known) { return type_name == known.name; });
    if (!starts_with(items[1]->text, "torch.") || type == kStorageTypes.end()) {
      reject(name, "storage of type " + items[1]->text + ", which is not supported");
    }
    StorageRecord record{type->type, items[2]->text, items[4]->integer, 0};
    if (items.size() >= 6 && items[5]->kind == PickleValue::Kind::tuple) {
      const auto& view = items[5]->items;
      if (view.size() != 3 || view[1]->kind != PickleValue::Kind::integer ||
          view[2]->kind != PickleValue::Kind::integer) {
        reject(name, "a view of a storage that is not described as PyTorch does it");
      }
      record.view_offset = view[1]->integer;
    }
    return record;
  }

  std::vector<std::int64_t> integers(const std::string& name, const PickleValue& value) const {
    if ((value.kind != PickleValue::Kind::tuple && value.kind != PickleValue::Kind::list) ||
        value.items.size() > kMaxTensorDimensions) {
      reject(name, "expected at most 8 sizes and strides");
    }
    std::vector<std::int64_t> result;
    for (const auto* item : value.items) {
      if (item->kind != PickleValue::Kind::integer || item->integer < 0)
        reject(name, "sizes and strides that are no counts");
      result.push_back(item->integer);
    }
    return result;
  }

  at::Tensor build(const std::string& name, const TensorRecord& record) const {
    const auto storage = storage_of(name, *record.storage);
    const auto found = storages_.find(storage.key);
    if (found == storages_.end()) reject(name, "its storage " + storage.key + " is not in the file");
    const auto element = static_cast<std::uint64_t>(c10::elementSize(storage.type));
    const auto available = static_cast<std::int64_t>(found->second.size / element);
    if (storage.numel < 0 || storage.numel > available) {
      reject(name, "truncated: its storage has " + std::to_string(storage.numel) + " elements, the file " +
                       std::to_string(available));
    }

    const auto shape = integers(name, *record.shape), strides = integers(name, *record.strides);
    if (shape.size() != strides.size()) reject(name, "not as many strides as sizes");
    if (record.offset->kind != PickleValue::Kind::integer || record.offset->integer < 0 ||
        storage.view_offset < 0) {
      reject(name, "its offset is no count");
    }
    // Find the last element and the number of elements. Dimensions beside a zero must not overflow either.
    std::int64_t first = 0, count = 1;
    bool empty = false, fits = !__builtin_add_overflow(record.offset->integer, storage.view_offset, &first);
    std::int64_t last = first;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      std::int64_t reach = 0;
      empty = empty || shape[i] == 0;
      if (shape[i] == 0) continue;
      fits = fits && !__builtin_mul_overflow(count, shape[i], &count) &&
             !__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) &&
             !__builtin_add_overflow(last, reach, &last);
    }
    // Reject expanded tensors, which are larger than their storage: nobody saves weights like this, and a
    // small file could demand any amount of memory.
    fits = fits && (empty ? count <= INT64_MAX / 8 : count <= available && last < available);
    if (!fits) reject(name, "shape " + shape_text(shape) + " does not stay within its storage");
    if (empty) return torch::empty(shape, storage.type);
    if (wanted_ && !wanted_(name)) {
      return torch::empty(shape, at::TensorOptions().dtype(storage.type).device(torch::kMeta));
    }
    return view(storage, found->second, first, shape, strides);
  }

  /// Tensors of one storage share its memory.
  at::Tensor view(const StorageRecord& storage, const Region& region, std::int64_t first,
                  const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) const {
    auto& memory = read_[storage.key];
    if (!memory) memory = file_.read_part(region.begin, region.size);
    auto* data = memory.get() + static_cast<std::uint64_t>(first) * c10::elementSize(storage.type);
    return torch::from_blob(
        data, shape, strides, [memory](void*) {}, at::TensorOptions().dtype(storage.type));
  }

  const WeightsInput& file_;
  std::map<std::string, Region> storages_;
  mutable std::map<std::string, std::shared_ptr<char>> read_;  // storages by key
  const TensorFilter& wanted_;
  const std::string& origin_;
};

StateDict read_zip_layout(const WeightsInput& file, const TensorFilter& wanted) {
  const auto& origin = file.origin();
  const auto entries = read_zip_directory(
      {file.size(), [&](std::uint64_t begin, std::uint64_t bytes) { return file.read(begin, bytes); }},
      origin);
  constexpr std::string_view kPickle = "data.pkl";
  std::optional<std::string> folder;
  for (const auto& [name, entry] : entries) {
    if (!entry.stored()) {
      throw failure(origin + ": zip: " + name + ": compressed; PyTorch stores its entries as they are");
    }
    const bool at_end = name.size() >= kPickle.size() &&
                        name.compare(name.size() - kPickle.size(), kPickle.size(), kPickle) == 0;
    const auto prefix = at_end ? name.substr(0, name.size() - kPickle.size()) : "";
    if (at_end && (prefix.empty() || prefix.find('/') == prefix.size() - 1)) folder = prefix;
  }
  if (!folder) throw failure(origin + ": a zip archive without data.pkl: not written by PyTorch");
  if (entries.count(*folder + "constants.pkl")) {
    throw failure(origin + ": a TorchScript program, not a dictionary of tensors");
  }
  if (const auto order = entries.find(*folder + "byteorder"); order != entries.end()) {
    constexpr std::string_view kLittle = "little";
    if (order->second.size != kLittle.size() ||
        file.read(order->second.begin, order->second.size) != kLittle) {
      throw failure(origin + ": its byte order is not little-endian");
    }
  }
  std::map<std::string, Region> storages;
  const auto data = *folder + "data/";
  for (auto entry = entries.lower_bound(data);
       entry != entries.end() && entry->first.compare(0, data.size(), data) == 0; ++entry) {
    storages[entry->first.substr(data.size())] = {entry->second.begin, entry->second.size};
  }
  const auto& pickle = entries.at(*folder + std::string(kPickle));
  const auto root = read_pickle(file.read(pickle.begin, pickle.size), 0, origin);
  return TensorReader(file, std::move(storages), wanted).read(*root.root);
}

/// Element sizes by storage key, from all persistent ids of a pickle. In the older layout they are needed to
/// find the next storage.
std::map<std::string, std::uint64_t> element_sizes(const Pickle& pickle) {
  std::map<std::string, std::uint64_t> result;
  for (const auto& value : pickle.values) {
    const auto* id = value.kind == PickleValue::Kind::persistent ? value.items[0] : nullptr;
    if (!id || id->kind != PickleValue::Kind::tuple || id->items.size() < 5 ||
        id->items[1]->kind != PickleValue::Kind::global)
      continue;
    const auto& global = id->items[1]->text;
    const auto name = global.substr(global.rfind('.') + 1);
    for (const auto& type : kStorageTypes) {
      if (name == type.name) result[id->items[2]->text] = c10::elementSize(type.type);
    }
  }
  return result;
}

/// The beginning of a file in the older layout: descriptions of its tensors, and keys of its storages in
/// order.
struct LegacyHead {
  Pickle root, keys;
};

LegacyHead read_legacy_head(std::string_view bytes, const std::string& origin) {
  const auto magic = read_pickle(bytes, 0, origin);
  if (magic.root->text != kLegacyMagic) throw failure(origin + ": a pickle, but not one of PyTorch's");
  const auto version = read_pickle(bytes, magic.end, origin);
  if (version.root->integer != kLegacyVersion) {
    throw failure(origin + ": PyTorch's format " + std::to_string(version.root->integer) + ", expected " +
                  std::to_string(kLegacyVersion));
  }
  const auto system = read_pickle(bytes, version.end, origin);
  if (const auto* little = system.root->find("little_endian"); little && little->integer == 0) {
    throw failure(origin + ": its byte order is not little-endian");
  }
  LegacyHead head;
  head.root = read_pickle(bytes, system.end, origin);
  head.keys = read_pickle(bytes, head.root.end, origin);
  return head;
}

/// The length of the head is not stored, so read larger and larger parts until it is complete.
LegacyHead read_legacy_head(const WeightsInput& file) {
  for (auto bytes = kLegacyHead;; bytes *= 8) {
    const bool all = bytes >= std::min(file.size(), kMostLegacyHead);
    const auto head = file.read(0, std::min({file.size(), kMostLegacyHead, bytes}));
    try {
      return read_legacy_head(head, file.origin());
    } catch (const Error&) {
      if (all) throw;
    }
  }
}

StateDict read_legacy_layout(const WeightsInput& file, const TensorFilter& wanted) {
  const auto& origin = file.origin();
  const auto [root, keys] = read_legacy_head(file);
  const auto sizes = element_sizes(root);
  std::map<std::string, Region> storages;
  std::uint64_t at = keys.end;
  for (const auto* key : keys.root->items) {
    const auto size = sizes.find(key->text);
    if (size == sizes.end()) throw failure(origin + ": storage " + key->text + ": of unknown type");
    std::int64_t numel = 0;
    if (file.size() - at < sizeof numel) throw failure(origin + ": truncated: storage " + key->text);
    std::memcpy(&numel, file.read(at, sizeof numel).data(), sizeof numel);
    at += sizeof numel;
    if (numel < 0 || static_cast<std::uint64_t>(numel) > (file.size() - at) / size->second) {
      throw failure(origin + ": truncated: storage " + key->text);
    }
    storages[key->text] = {at, static_cast<std::uint64_t>(numel) * size->second};
    at += static_cast<std::uint64_t>(numel) * size->second;
  }
  return TensorReader(file, std::move(storages), wanted).read(*root.root);
}

}  // namespace

bool is_torch_file(std::string_view bytes) {
  const auto head = bytes.substr(0, 32);
  return head.substr(0, kZipMagic.size()) == kZipMagic || (!head.empty() && head[0] == '\x80');
}

StateDict read_torch_file(const WeightsInput& file, const TensorFilter& wanted) {
  const bool zip = file.size() >= kZipMagic.size() && file.read(0, kZipMagic.size()) == kZipMagic;
  auto tensors = zip ? read_zip_layout(file, wanted) : read_legacy_layout(file, wanted);
  file.check_unchanged();
  return tensors;
}

}  // namespace forgedit
