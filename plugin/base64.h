// Bytes as text, for hosts that keep a plug-in's state as text (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace triode::plugin {

std::string to_base64(std::string_view bytes);
/// Nothing where the text is not base64, complete with its padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace triode::plugin
