# 用户能看到的每一句话（Project Fluent 格式）。键与 en.ftl 相同。
language-name = 中文

failed-empty = 我试了两次都没有想好怎么说。换个说法，或者发送 /retry。
failed-forgotten = 还没有回答就已经忘记了。
failed-nothing_to_retry = 还没有可以重新回答的内容。
failed-put_aside = 这条消息我三次都没能回答，先放到一边了。我们其余的对话都在，请继续说。
failed-stopped = 已停止。
failed-timeout = 想得太久，我放弃了。请再试一次，问题短一点可能更好。
failed-too_long = 这条太长，我一次读不完。请分成几段发给我。
note-stopped = （已停止）
note-cut = （到这里达到了长度上限。想听下去就告诉我继续。）
note-repeat = （这条你可能已经看过：我无法确定它是否送达。）
refused-disk = 磁盘已满，无法保存你的消息。请告诉管理我的人，稍后再发一次。
refused-full = 已经有 { $lines } 条消息在等待。我先回答它们，请稍后再发这一条。
refused-long = 这条消息太长：{ $bytes } 字节，上限是 { $limit }。请分成几段发给我。

# 写给可能有危险的人；号码核对于 2026 年 11 月
care = 谢谢你告诉我，我很认真地在听。我是一个程序，没办法守在你身边，但有人可以，现在就可以：
    – 如果此刻有危险，请拨打急救或报警电话（大陆 120、110，台湾 119，香港 999）
    – 中国大陆：12356 · 台湾：1925 · 香港：2896 0000 · 美国和加拿大：988 · 英国：116 123 · 澳大利亚：13 11 14
    – 其他地方：https://findahelpline.com
    身边有没有你可以打电话或去找的人？不用想好怎么说，一句“我不太好”就够了。

command-help = 我能听懂什么
command-new = 开始新的对话；说过的话仍然保存，但我不再以它为依据
command-reset = 忘掉这段对话里说过的一切
command-persona = 查看或选择人物
command-think = 思考过程：hide 隐藏、show 显示、off 关闭（回答更快）
command-memory = 这段对话里我记得什么
command-stop = 停止正在写的回答
command-retry = 重新回答上一条
command-quit = 离开

help = 直接和我聊天就可以。我还听得懂：
help-line = { $name } – { $what }
unknown-command = 我不认识 { $name }。发送 /help 看看我能听懂什么。
new-done = 新的对话开始了。想聊点什么？
reset-done = { $turns ->
    [0] 没有需要忘记的内容，我们重新开始。
   *[other] 已忘记 { $turns } 轮对话，我们重新开始。
  }
persona-list = 你正在和 { $current } 聊天。选择人物：/persona 名字
persona-line = { $name } – { $title }：{ $about }
persona-chosen = 现在和你聊天的是 { $title }。
persona-unknown = 没有叫“{ $name }”的人物。可选：{ $names }。
think-now = 思考设置为“{ $mode }”。可选：/think hide、/think show 或 /think off
think-chosen = { $mode ->
    [hide] 我会先思考再回答，思考过程不显示。
    [show] 我会先思考再回答，你可以看到思考过程。
   *[off] 我直接回答，不先思考。
  }
think-unknown = 可以用 /think hide、/think show 和 /think off。
memory-empty = 这段对话我还没有记住任何内容。
memory = 这段对话我记得 { $turns } 轮，最早的一轮在 { $oldest }。{ $left_out ->
    [0] 上次回答时，当前对话的全部内容都在我眼前。
   *[other] 上次回答时，最早的 { $left_out } 轮放不下了。
  }内容加密保存；/reset 可以清除。
stop-stopping = 正在停止。
stop-dropped = 等待中的消息我不回答了。
stop-idle = 没有可以停止的内容。
retry-none = 还没有可以重新回答的内容。

console-welcome = 你正在和 { $persona } 聊天。/help 查看帮助，/quit 离开。
console-prompt = 你
console-thinking = 思考中……
console-thought = 思考了 { $seconds } 秒
console-bye = 再见。
console-stop-hint = （Ctrl-D 或 /quit 离开）
console-lost = 连不上 Redis 了。你的上一条消息可能没有送达，请再发一次。
