import ArgumentParser
import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `struct_ops dump`: the contents of maps of struct_ops, as `bpftool -j struct_ops dump`.
struct StructOpsDump: SelectingCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "What is in maps of struct_ops: their programs and values.",
    usage: "guestscope struct_ops dump \(SelectionArguments.usageWithoutTypes)",
    discussion: """
      The state of a map is INIT before it has a value, INUSE while the kernel uses it, TOBEFREE \
      after it was taken out of use, or READY: a link attaches such a one, and it stays READY.
      """)

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.structOps

  func answer(in session: Session) throws -> Answer {
    let found = try find(in: session) { query, bpf in try bpf.structOpsContents(query) }
    let kernel = try session.kernel
    let names = session.pointerNames(
      of: found.objects.flatMap { map in map.data.map { ($0.value, map.btf) } }, in: kernel)
    let text = ValueText(symbol: names.text)
    return Answer(
      .array(found.objects.flatMap { $0.documents(kernel.btf) }),
      .lines(found.objects.flatMap { $0.lines(text) }),
      missing: found.snapshot.missing,
      remarks: [found.emptyRemark(of: Self.objects)].compactMap { $0 })
  }
}

extension StructOpsContents: SelectableObject {
  var selectedName: String? { name }
  var selectedType: UInt32? { nil }
}

extension StructOpsContents {
  private static let prefix = "bpf_struct_ops_"

  private var typeName: String { (try? btf.name(of: type)) ?? "" }

  // MARK: JSON

  /// Two objects, as bpftool has them.
  ///
  /// - Parameter kernel: the types of the kernel, which `struct bpf_map_info` is among.
  fileprivate func documents(_ kernel: BTF) -> [JSON] {
    var value = BTFValueJSON(btf)
    value.function = function
    return [
      ["bpf_map_info": infoDocument(kernel)],
      .object([.init(key: typeName, value: value.json(type, in: bytes))]),
    ]
  }

  private func infoDocument(_ kernel: BTF) -> JSON {
    guard let type = try? kernel.structID("bpf_map_info"), let size = kernel.size(of: type),
      let members = try? kernel.members(of: type), size < 1 << 12
    else { return .null }
    var bytes = [UInt8](repeating: 0, count: size)
    func store(_ new: some Sequence<UInt8>, at offset: Int) {
      for (index, byte) in new.enumerated() where bytes.indices.contains(offset + index) {
        bytes[offset + index] = byte
      }
    }
    for member in members {
      guard let field = try? kernel.place(of: member) else { continue }
      let key = kernel.text(member.name)
      if key == "name" {
        store(name.utf8.prefix(max(0, field.size - 1)), at: field.offset)
      } else if let number = info[key], field.bits == nil {
        store((0..<min(8, field.size)).map { UInt8(number >> (8 * $0) & 0xff) }, at: field.offset)
      }
    }
    return BTFValueJSON(kernel).json(type, in: bytes)
  }

  /// `dump_prog_id_as_func_ptr()` of tools/bpf/bpftool/btf_dumper.c.
  private func function(_ type: BTF.TypeID, _ id: UInt32) -> String? {
    guard (try? btf.kind(of: type)) == .funcProto, let prototype = btf.prototype(of: type) else {
      return nil
    }
    guard id != 0 else { return prototype + " 0" }
    return prototype + " \(programs[id]?.function ?? "<unknown_prog_name>")/prog_id:\(id)"
  }

  // MARK: The screen

  /// The members of the kernel's struct, each with its type.
  fileprivate var data: [KernelValue.Field] {
    guard let data = try? btf.field("data", in: type) else { return [] }
    let value = ValueDecoder(btf).value(data.type, at: data.offset, in: bytes)
    guard case .fields(let fields) = value else { return [] }
    return fields
  }

  fileprivate func lines(_ text: ValueText) -> [String] {
    let kind =
      typeName.hasPrefix(Self.prefix) ? String(typeName.dropFirst(Self.prefix.count)) : typeName
    var unset: [String] = []
    var lines = ["\(id): \(name)  \(kind)  \(stateName ?? "state \(state)"), \(attachment)"]
    for field in data {
      guard let id = functionID(field.value) else {
        lines += text.lines(field.value, name: field.name, indent: 1)
        continue
      }
      if id == 0 {
        unset.append(field.name)
      } else {
        let name = programs[id].map { " \($0.name)" } ?? ", which is not there"
        lines.append("  \(field.name) = program \(id)\(name)")
      }
    }
    return lines + (unset.isEmpty ? [] : ["  not set: \(unset.joined(separator: ", "))"])
  }

  private var attachment: String {
    guard links.isEmpty else {
      return "attached by link " + links.map { "\($0)" }.joined(separator: ", ")
    }
    return stateName == "INUSE" ? "attached without a link" : "not attached"
  }

  /// The program in the place of a function, 0 for none; nil for any other member.
  private func functionID(_ value: KernelValue) -> UInt32? {
    guard case .pointer(let pointer) = value,
      let target = try? btf.resolve(pointer.type), (try? btf.kind(of: target)) == .funcProto
    else { return nil }
    return UInt32(exactly: pointer.address.rawValue)
  }
}
