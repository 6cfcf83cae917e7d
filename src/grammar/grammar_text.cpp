// The text form of a grammar.
#include <fmt/format.h>

#include <map>

#include "grammar/grammar.h"

namespace gannet {
namespace {

// How tightly an expression holds together: parentheses go around what is looser than its place.
enum Tightness { kLoose, kInSequence, kInRepeat };

constexpr int kMostNesting = 2000;

class Printer {
 public:
  explicit Printer(const Grammar& grammar) : g_(grammar) {
    std::map<std::string, int> used;
    for (const Grammar::Rule& rule : g_.rules()) {
      const int n = used[rule.name]++;
      names_.push_back(n == 0 ? rule.name : fmt::format("{}-{}", rule.name, n + 1));
    }
  }

  std::string print() {
    for (size_t r = 0; r < g_.rules().size(); ++r) {
      out_ += (r == g_.root() ? "root = " : "") + names_[r] + " ::= ";
      print(g_.rules()[r].body, kLoose, 0);
      out_ += '\n';
    }
    return std::move(out_);
  }

 private:
  void print(ExprId id, Tightness place, int depth) {
    if (depth > kMostNesting) {
      out_ += "...";
      return;
    }
    const Grammar::Expr& e = g_.expr(id);
    switch (e.kind) {
      case ExprKind::kEmpty:
        out_ += "\"\"";
        break;
      case ExprKind::kNothing:
        out_ += "[]";
        break;
      case ExprKind::kLiteral:
        out_ += '"';
        for (const char c : g_.text(e)) print_byte(static_cast<uint8_t>(c), "\"");
        out_ += '"';
        break;
      case ExprKind::kBytes:
        print_set(g_.byte_set(e));
        break;
      case ExprKind::kRule:
        out_ += names_[e.first];
        break;
      case ExprKind::kSequence:
        print_parts(e, " ", place > kInSequence, kInSequence, depth);
        break;
      case ExprKind::kChoice:
        print_parts(e, " | ", place > kLoose, kInSequence, depth);
        break;
      case ExprKind::kBoth:
        print_parts(e, " & ", place > kLoose, kInRepeat, depth);
        break;
      case ExprKind::kExcept:
        print_parts(e, " - ", place > kLoose, kInRepeat, depth);
        break;
      case ExprKind::kRepeat:
        print(e.first, kInRepeat, depth + 1);
        if (e.max == kUnbounded)
          out_ += e.count == 0 ? "*" : e.count == 1 ? "+" : fmt::format("{{{},}}", e.count);
        else if (e.count == 0 && e.max == 1)
          out_ += '?';
        else
          out_ +=
              e.count == e.max ? fmt::format("{{{}}}", e.count) : fmt::format("{{{},{}}}", e.count, e.max);
    }
  }

  void print_parts(const Grammar::Expr& e, const char* between, bool in_parentheses, Tightness place,
                   int depth) {
    if (in_parentheses) out_ += '(';
    bool first = true;
    for (const ExprId part : g_.parts(e)) {
      if (!first) out_ += between;
      first = false;
      print(part, place, depth + 1);
    }
    if (in_parentheses) out_ += ')';
  }

  void print_byte(uint8_t b, std::string_view special) {
    if (b == '\n')
      out_ += "\\n";
    else if (b < 0x20 || b >= 0x7F)
      out_ += fmt::format("\\x{:02X}", b);
    else {
      if (b == '\\' || special.find(static_cast<char>(b)) != std::string_view::npos) out_ += '\\';
      out_ += static_cast<char>(b);
    }
  }

  void print_set(const ByteSet& set) {
    out_ += '[';
    for (size_t b = 0; b < 256; ++b) {
      if (!set[b]) continue;
      size_t last = b;
      while (last < 255 && set[last + 1]) ++last;
      print_byte(static_cast<uint8_t>(b), "[]-^");
      if (last > b + 1) out_ += '-';
      if (last > b) print_byte(static_cast<uint8_t>(last), "[]-^");
      b = last;
    }
    out_ += ']';
  }

  const Grammar& g_;
  std::vector<std::string> names_;
  std::string out_;
};

}  // namespace

std::string Grammar::to_text() const {
  return Printer(*this).print();
}

}  // namespace gannet
