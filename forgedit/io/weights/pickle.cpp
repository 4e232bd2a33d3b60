#include "forgedit/io/weights/pickle.h"

#include <cstring>
#include <unordered_map>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // without tensors, whose bytes are elsewhere
constexpr std::size_t kMaxValues = 4'000'000;             // a training checkpoint has about 100,000
constexpr std::size_t kMaxStack = 4'000'000;
constexpr std::size_t kMaxItems = 16'000'000;  // all lists, tuples and dicts together
constexpr std::size_t kMaxNameBytes = 1024;
constexpr std::size_t kMaxAllNameBytes = kMaxBytes;

/// The pickle machine: a stack with marks, and a memo. The result owns all values, so nesting of any depth
/// needs no recursion, and cycles cause no leaks.
class Machine {
 public:
  Machine(std::string_view bytes, std::size_t begin, const std::string& origin)
      : bytes_(bytes.substr(0, std::min(bytes.size(), begin + kMaxBytes))),
        at_(std::min(begin, bytes.size())),
        origin_(origin) {}

  Pickle run() {
    while (!result_.root) step(static_cast<unsigned char>(take(1)[0]));
    result_.end = at_;
    return std::move(result_);
  }

 private:
  [[noreturn]] void reject(const std::string& what) const {
    throw failure(origin_ + ": pickle: " + what + " at byte " + std::to_string(at_));
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) reject("truncated, or larger than 64 MiB,");
    const auto part = bytes_.substr(at_, size);
    at_ += size;
    return part;
  }
  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string line() {
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) reject("truncated");
    const auto text = take(end - at_);
    take(1);
    return std::string(text);
  }

  PickleValue& make(PickleValue::Kind kind) {
    if (result_.values.size() >= kMaxValues) reject("more values than a checkpoint has");
    result_.values.emplace_back().kind = kind;
    return result_.values.back();
  }
  void push(const PickleValue& value) {
    if (stack_.size() >= kMaxStack) reject("deeper than a checkpoint");
    // result_ owns the values; APPENDS and SETITEMS change them there.
    stack_.push_back(const_cast<PickleValue*>(&value));
  }
  void push_integer(std::int64_t value) {
    auto& made = make(PickleValue::Kind::integer);
    made.integer = value;
    push(made);
  }
  void push_text(PickleValue::Kind kind, std::string_view text) {
    auto& made = make(kind);
    made.text = text;
    push(made);
  }
  void push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(PickleValue::Kind::big_integer, bytes);
    std::int64_t value = !bytes.empty() && (bytes.back() & 0x80) ? -1 : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    push_integer(value);
  }

  /// With memo entries, a short pickle could repeat the same items many times.
  void count_items(std::size_t count) {
    items_ += count;
    if (items_ > kMaxItems) reject("more items than a checkpoint has");
  }
  void push_global(const std::string& module, const std::string& name) {
    if (module.size() + name.size() > kMaxNameBytes) reject("a name longer than any class has");
    // Memo entries could repeat both parts many times.
    name_bytes_ += module.size() + name.size();
    if (name_bytes_ > kMaxAllNameBytes) reject("more names than a checkpoint has");
    push_text(PickleValue::Kind::global, module + "." + name);
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue* pop() {
    if (stack_.size() <= floor()) reject("nothing on the stack");
    auto* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  PickleValue* top() {
    if (stack_.size() <= floor()) reject("nothing on the stack");
    return stack_.back();
  }
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) reject("no mark on the stack");
    std::vector<const PickleValue*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                                          stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_items(PickleValue::Kind kind, std::vector<const PickleValue*> items) {
    if (kind == PickleValue::Kind::dict && items.size() % 2 != 0) reject("a key without a value");
    count_items(items.size());
    auto& made = make(kind);
    made.items = std::move(items);
    push(made);
  }
  void push_last(PickleValue::Kind kind, std::size_t count) {
    std::vector<const PickleValue*> items(count);
    while (count-- > 0) items[count] = pop();
    push_items(kind, std::move(items));
  }
  /// Appends items to the list or dict on top of the stack. Drops items of other objects.
  void extend(PickleValue::Kind kind, const std::vector<const PickleValue*>& items) {
    auto* target = top();
    if (kind == PickleValue::Kind::dict && items.size() % 2 != 0) reject("a key without a value");
    count_items(items.size());
    if (target->kind == kind) target->items.insert(target->items.end(), items.begin(), items.end());
    if (target->kind != kind && target->kind != PickleValue::Kind::object)
      reject("items for what cannot hold any");
  }

  void reduce() {
    const auto* arguments = pop();
    const auto* callable = pop();
    if (arguments->kind != PickleValue::Kind::tuple) reject("arguments that are no tuple");
    if (callable->is_global("collections.OrderedDict") || callable->is_global("collections.defaultdict")) {
      auto& dict = make(PickleValue::Kind::dict);
      // Python 2 wrote the pairs of an OrderedDict as its argument.
      if (!arguments->items.empty() && arguments->items[0]->kind == PickleValue::Kind::list) {
        for (const auto* pair : arguments->items[0]->items) {
          const bool holds_two =
              pair->kind == PickleValue::Kind::list || pair->kind == PickleValue::Kind::tuple;
          count_items(2);
          if (!holds_two || pair->items.size() != 2) reject("an OrderedDict of no pairs");
          dict.items.insert(dict.items.end(), pair->items.begin(), pair->items.end());
        }
      }
      return push(dict);
    }
    if (callable->is_global("torch.Size") && arguments->items.size() == 1) return push(*arguments->items[0]);
    push_items(PickleValue::Kind::object, {callable, arguments});
  }

  void remember(std::uint64_t key) {
    if (memo_.size() >= kMaxValues) reject("more memo entries than a checkpoint has");
    memo_[key] = top();
  }
  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) reject("memo entry " + std::to_string(key) + " that was never made");
    push(*found->second);
  }

  void step(unsigned char opcode);

  Pickle result_;
  std::string_view bytes_;
  std::size_t at_;
  std::size_t items_ = 0;
  std::size_t name_bytes_ = 0;
  const std::string& origin_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
};

// The letters are those of the format; names in the comments are those of pickletools.
void Machine::step(unsigned char opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      if (const auto protocol = number<std::uint8_t>(); protocol < 2 || protocol > 5) {
        reject("protocol " + std::to_string(protocol));
      }
      return;
    case 0x95:  // FRAME
      number<std::uint64_t>();
      return;
    case '.':  // STOP
      result_.root = pop();
      return;
    case '(':  // MARK
      if (marks_.size() >= kMaxStack) reject("deeper than a checkpoint");
      return marks_.push_back(stack_.size());
    case '0':  // POP
      if (stack_.size() > floor()) {
        pop();
      } else {
        pop_to_mark();
      }
      return;
    case '1':  // POP_MARK
      pop_to_mark();
      return;
    case '2':  // DUP
      return push(*top());

    case 'N':  // NONE
      return push(make(PickleValue::Kind::none));
    case 0x88:    // NEWTRUE
    case 0x89: {  // NEWFALSE
      auto& made = make(PickleValue::Kind::boolean);
      made.integer = opcode == 0x88;
      return push(made);
    }
    case 'J':  // BININT
      return push_integer(number<std::int32_t>());
    case 'K':  // BININT1
      return push_integer(number<std::uint8_t>());
    case 'M':  // BININT2
      return push_integer(number<std::uint16_t>());
    case 0x8a:  // LONG1
      return push_long(take(number<std::uint8_t>()));
    case 0x8b:  // LONG4
      return push_long(take(number<std::uint32_t>()));
    case 'G': {  // BINFLOAT, big-endian
      const auto bits = __builtin_bswap64(number<std::uint64_t>());
      auto& made = make(PickleValue::Kind::real);
      std::memcpy(&made.real, &bits, sizeof bits);
      return push(made);
    }

    case 'X':  // BINUNICODE
    case 'T':  // BINSTRING
      return push_text(PickleValue::Kind::text, take(number<std::uint32_t>()));
    case 0x8c:  // SHORT_BINUNICODE
    case 'U':   // SHORT_BINSTRING
      return push_text(PickleValue::Kind::text, take(number<std::uint8_t>()));
    case 0x8d:  // BINUNICODE8
      return push_text(PickleValue::Kind::text, take(number<std::uint64_t>()));
    case 'C':  // SHORT_BINBYTES
      return push_text(PickleValue::Kind::bytes, take(number<std::uint8_t>()));
    case 'B':  // BINBYTES
      return push_text(PickleValue::Kind::bytes, take(number<std::uint32_t>()));
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      return push_text(PickleValue::Kind::bytes, take(number<std::uint64_t>()));

    case ']':  // EMPTY_LIST
      return push_items(PickleValue::Kind::list, {});
    case 'l':  // LIST
      return push_items(PickleValue::Kind::list, pop_to_mark());
    case 'a':  // APPEND
      return extend(PickleValue::Kind::list, {pop()});
    case 'e':  // APPENDS
      return extend(PickleValue::Kind::list, pop_to_mark());
    case ')':  // EMPTY_TUPLE
      return push_items(PickleValue::Kind::tuple, {});
    case 't':  // TUPLE
      return push_items(PickleValue::Kind::tuple, pop_to_mark());
    case 0x85:  // TUPLE1 to TUPLE3
    case 0x86:
    case 0x87:
      return push_last(PickleValue::Kind::tuple, opcode - 0x84U);
    case '}':  // EMPTY_DICT
      return push_items(PickleValue::Kind::dict, {});
    case 'd':  // DICT
      return push_items(PickleValue::Kind::dict, pop_to_mark());
    case 's': {  // SETITEM
      const auto* value = pop();
      const auto* key = pop();
      return extend(PickleValue::Kind::dict, {key, value});
    }
    case 'u':  // SETITEMS
      return extend(PickleValue::Kind::dict, pop_to_mark());
    case 0x8f:  // EMPTY_SET
      return push_items(PickleValue::Kind::list, {});
    case 0x90:  // ADDITEMS
      return extend(PickleValue::Kind::list, pop_to_mark());
    case 0x91:  // FROZENSET
      return push_items(PickleValue::Kind::list, pop_to_mark());

    case 'q':  // BINPUT
      return remember(number<std::uint8_t>());
    case 'r':  // LONG_BINPUT
      return remember(number<std::uint32_t>());
    case 0x94:  // MEMOIZE
      return remember(memo_.size());
    case 'h':  // BINGET
      return recall(number<std::uint8_t>());
    case 'j':  // LONG_BINGET
      return recall(number<std::uint32_t>());

    case 'c': {  // GLOBAL
      const auto module = line();
      return push_global(module, line());
    }
    case 0x93: {  // STACK_GLOBAL
      const auto* name = pop();
      const auto* module = pop();
      if (name->kind != PickleValue::Kind::text || module->kind != PickleValue::Kind::text)
        reject("a global without a name");
      return push_global(module->text, name->text);
    }
    case 'R':  // REDUCE
      return reduce();
    case 0x81:  // NEWOBJ
      return push_last(PickleValue::Kind::object, 2);
    case 0x92:  // NEWOBJ_EX
      pop();    // keyword arguments
      return push_last(PickleValue::Kind::object, 2);
    case 'b':  // BUILD: attributes, which are not used
      pop();
      top();
      return;
    case 'Q':  // BINPERSID
      return push_last(PickleValue::Kind::persistent, 1);
    default:
      reject("opcode " + std::to_string(opcode) + ", which PyTorch does not write,");
  }
}

}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  if (kind != PickleValue::Kind::dict) return nullptr;
  const PickleValue* found = nullptr;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->kind == PickleValue::Kind::text && items[i]->text == key) found = items[i + 1];
  }
  return found;
}

Pickle read_pickle(std::string_view bytes, std::size_t begin, const std::string& origin) {
  return Machine(bytes, begin, origin).run();
}

}  // namespace forgedit
