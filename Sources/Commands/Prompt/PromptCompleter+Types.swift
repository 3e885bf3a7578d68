import GuestScopeBTF
import GuestScopeKernelImage
import GuestScopeLinuxKernel

extension PromptCompleter {
  /// `task_st`, or, within quotes, `struct task_st`.
  func typeNames(_ word: String, after keyword: String?) -> [String] {
    let keywords = keyword == nil ? matching(word, TypeCommand.keywords) : []
    let own = keyword == nil ? TypeCommand.keywords.first { word.hasPrefix($0 + " ") } : nil
    let head = own.map { $0 + " " } ?? ""
    let start = word.dropFirst(head.count)
    guard !start.isEmpty, asksGuest,
      let types = try? session.namedKernel(try session.kernel).btf
    else { return keywords }
    let names = types.typeNames(
      prefix: String(start), keyword: keyword ?? own, limit: 1 << 14)
    return keywords + names.sorted().map { head + $0 }
  }

  /// `.mm.pg` or `.mm->pg` of `task_struct`: the members that begin so of what `.mm` is. Of several
  /// paths with commas between it is the last.
  func members(of type: String, _ word: String) -> [String] {
    guard let kernel = try? session.kernel,
      let named = try? kernel.btf.type(userText: type, in: kernel.file)
    else { return [] }
    let head = word[..<(word.lastIndex(of: ",").map(word.index(after:)) ?? word.startIndex)]
    let last = word[head.endIndex...]
    guard let separator = last.lastIndex(where: { ".>".contains($0) }) else {
      return last.isEmpty ? [head + "."] : []
    }
    let isArrow = last[separator] == ">"
    let stem = last[...separator]
    let start = last[last.index(after: separator)...]
    guard let path = MemberPath(String(stem.dropLast(isArrow ? 2 : 1))),
      let names = try? named.btf.memberNames(after: path, from: named.id)
    else { return [] }
    return names.filter { $0.hasPrefix(start) }.map { head + stem + $0 }
  }
}
