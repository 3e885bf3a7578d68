import ArgumentParser
import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `print`: a kernel object by its BTF type.
struct PrintCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "print", abstract: "A kernel object by its BTF type, or a member of it.",
    usage: "guestscope print <type> <address> [.member…]",
    discussion: """
      print task_struct init_task .comm
      print task_struct init_task .mm->pgd
      print rq runqueues@1 .nr_running
      print 'scx_sched *' scx_root ->ops.name

      The type is that of what is at the address: of a variable that is a pointer, a pointer. A path \
      follows pointers, and [n] takes an element. What is shown is of one instant: a large object \
      may stop the guest for longer than --max-pause, the largest that is shown, 1 MiB, for \
      some tenth of a second.
      """)

  @Argument(help: "A type, as for type: task_struct, enum bpf_prog_type, u64, console#1234.")
  var type: String
  @Argument(help: "A number, a symbol, symbol+offset, or symbol@CPU for a per-CPU variable.")
  var address: AddressExpression
  @Argument(
    help: ArgumentHelp("A path of members: .comm, .mm.pgd, .cpus[2].", valueName: ".member"))
  var members: [String] = []
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    let keyword = words.first.flatMap { TypeCommand.keywords.contains($0) ? $0 : nil }
    let typeWords = keyword == nil ? 1 : 2
    return switch words.count {
    case 0: [.typeName(keyword: nil)]
    case ..<typeWords: [.typeName(keyword: keyword)]
    case typeWords: [.symbol]
    case typeWords + 1: [.member(ofType: words.prefix(typeWords).joined(separator: " "))]
    default: []
    }
  }

  func validate() throws { _ = try target }

  /// What to show. `struct task_struct` may be two words.
  private var target: (type: String, address: AddressExpression, path: MemberPath) {
    get throws {
      var (type, address, members) = (type, address, members[...])
      if TypeCommand.keywords.contains(type) {
        guard let next = members.popFirst().flatMap(AddressExpression.init) else {
          throw ValidationError("'\(type) \(address.text)' is a type: an address follows it")
        }
        (type, address) = ("\(type) \(address.text)", next)
      }
      guard let path = MemberPath(members.joined()) else {
        throw ValidationError(
          "'\(members.joined())' is no path of members, as in .mm.pgd or .a[2]")
      }
      return (type, address, path)
    }
  }

  /// The largest object: a few of the kernel's arrays are larger, and nobody reads them whole.
  private static let mostBytes = 1 << 20

  func answer(in session: Session) throws -> Answer {
    let (type, address, path) = try target
    do {
      let snapshot = try session.ofThisBoot { kernel in
        let id = try kernel.btf.type(userText: type, in: kernel.file)
        let start = try address.resolved(in: kernel)
        return try session.walk(kernel) { walk throws(ReadFault) in
          try object(of: id, at: try start.address(in: walk), path, kernel, in: walk.view)
        }
      }
      let value = try snapshot.value.get()
      return Answer(value.json, .lines(value.lines()))
    } catch let error as MemberPathError {
      throw CommandError("\(error)")
    } catch KernelError.snapshot(.unreadable(let cause)) {
      throw CommandError("nothing is readable there: \(cause)")
    }
  }

  private func object(
    of type: BTF.TypeID, at address: KernelVirtualAddress, _ path: MemberPath,
    _ kernel: GuestKernel,
    in view: MemoryView
  ) throws(ReadFault) -> Result<ObjectValue, MemberPathError> {
    let btf = kernel.btf
    let target: MemberPath.Target
    switch try path.follow(from: type, at: address, btf, in: view) {
    case .success(let found): target = found
    case .failure(let error): return .failure(error)
    }
    guard let size = target.bits.map({ ($0.upperBound + 7) / 8 }) ?? btf.size(of: target.type)
    else {
      let name = (try? btf.declaration(of: target.type)) ?? "what is there"
      return .failure(MemberPathError("\(name) has no size, so nothing of it can be shown"))
    }
    guard size <= Self.mostBytes else {
      return .failure(MemberPathError("\(size) bytes are too many to show: name a member"))
    }
    let bytes = try view.bytes(at: target.address, count: size)
    // Strings are wanted by the value, and each may be missing in a pass.
    var misses = false
    let decoder = ObjectDecoder(btf: btf, symbol: kernel.symbolText) { pointer in
      do throws(ReadFault) {
        return try view.text(at: KernelVirtualAddress(pointer))
      } catch {
        if case .miss = error { misses = true }
        return nil
      }
    }
    let value = decoder.value(target.type, at: 0, in: bytes, bits: target.bits)
    if misses { throw .miss }
    return .success(value)
  }
}

extension MemoryView {
  /// The text at an address, up to 128 bytes of it and not beyond its page.
  fileprivate func text(at address: KernelVirtualAddress) throws(ReadFault) -> String {
    let count = min(128, 4096 - Int(address.rawValue & 0xfff))
    let bytes = try bytes(at: address, count: count)
    return bytes.nulTerminatedText + (bytes.contains(0) ? "" : "…")
  }
}
