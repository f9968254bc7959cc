// Reading untrusted JSON: nothing is taken for granted, every refusal says where, what was found and what was expected.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "errors.h"

namespace triode {

/// Parses `text`. Throws ModelFileError where it is not JSON or nested deeper than 64 levels; depth is counted before
/// the parser sees the text.
nlohmann::json parse_json(std::string_view text, const std::string& where);

/// A short rendering of any value for an error message: ASCII, on one line.
std::string shown(const nlohmann::json& value);

[[noreturn]] void refuse(const std::string& where, const std::string& found, const std::string& expected);

/// Throws unless `value` is a whole number in [low, high]; 3.0 counts as whole.
std::int64_t whole_number(const nlohmann::json& value, std::int64_t low, std::int64_t high, const std::string& where);
/// Throws unless `value` is a number; JSON knows no infinite ones.
double number(const nlohmann::json& value, const std::string& where);
/// Throws unless `value` is a number that is finite as a float.
float finite_float(const nlohmann::json& value, const std::string& where);
void require_object(const nlohmann::json& value, const std::string& where);
void require_array(const nlohmann::json& value, std::size_t least, std::size_t most, const std::string& where);

/// The members of a JSON object, each checked as it is taken.
class Fields {
 public:
  Fields(const nlohmann::json& object, std::string where);

  /// The member, or null where it is missing or null.
  const nlohmann::json* find(const std::string& key);
  const nlohmann::json& at(const std::string& key);
  int integer(const std::string& key, int low, int high);
  int integer(const std::string& key, int low, int high, int otherwise);
  float number(const std::string& key, float otherwise);
  double number(const std::string& key, double low, double high);
  bool boolean(const std::string& key);
  bool boolean(const std::string& key, bool otherwise);
  std::string text(const std::string& key);
  std::string path(const std::string& key) const { return where_ + "." + key; }
  const std::string& where() const { return where_; }
  /// Throws where the object has a member that was never asked for: it would change the sound.
  void refuse_others() const;

 private:
  const nlohmann::json& object_;
  std::string where_;
  std::set<std::string> asked_;
};

}  // namespace triode
