import GuestScopeBytes
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel

extension Sym {
  /// A symbol as it is shown.
  struct Row {
    var name: String
    var type: Character
    /// Nil for a symbol of the kernel image.
    var module: String?
    var address: UInt64
    var offset: UInt64
    var cpu: Int?

    init(
      _ symbol: KernelSymbols.Symbol, address: UInt64? = nil, offset: UInt64 = 0, cpu: Int? = nil
    ) {
      (name, type) = (symbol.name, symbol.type)
      self.address = address ?? symbol.address &+ offset
      self.offset = offset
      self.cpu = cpu
    }

    init(_ symbol: LoadedSymbol, offset: UInt64 = 0) {
      (name, type, module) = (symbol.name, symbol.type, symbol.module)
      (address, self.offset) = (symbol.address.rawValue &+ offset, offset)
    }

    var line: String {
      let name = name + (cpu.map { "@\($0)" } ?? "") + (offset == 0 ? "" : "+\(offset.hex)")
      return "\(address.paddedHex(16)) \(type) \(name)" + (module.map { " [\($0)]" } ?? "")
    }

    var json: JSON {
      let row: JSON = [
        "address": .string(address.hex), "type": .string("\(type)"),
        "symbol": .string(name), "offset": .unsigned(offset), "module": JSON(module),
      ]
      return cpu.map { row.adding(["cpu": JSON($0)]) } ?? row
    }
  }
}
