import GuestScopeBTF

/// Why symbols and types of a running kernel could not be read from its memory.
public enum ImageFault: Hashable, Sendable {
  /// There are no tables of kallsyms, or their form is not known.
  case noSymbolTable
  /// The tables contradict themselves, or the page tables.
  case damagedSymbolTable(String)
  case noTypes
  case damagedTypes(BTFError)
}

extension ImageFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSymbolTable:
      "no symbol table was found in its memory (CONFIG_KALLSYMS=n, or one of an unknown form)"
    case .damagedSymbolTable(let what): "the symbol table in its memory is damaged: \(what)"
    case .noTypes:
      "no BTF type information was found in its memory (CONFIG_DEBUG_INFO_BTF=n), and structure "
        + "layouts are unknown without it"
    case .damagedTypes(let error): "in its memory \(error)"
    }
  }
}
