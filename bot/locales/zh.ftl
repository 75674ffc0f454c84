# 用户能看到的每一句话（Project Fluent 格式）。键与 en.ftl 相同。
language-name = 中文

failed-edit_too_late = 只能修改最后一条消息，而它之后已经有别的消息了。
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
denied-blocked = 我不能在这里和你聊天。我保存的关于你的内容仍然属于你：/privacy、/export 和 /forget 照常可用。
denied-uninvited = 我只和受邀请的人聊天。如果你有邀请码，请单独发给我。
denied-rate = 你写得太快，我跟不上了。请过 { $span }再继续。
denied-tokens = 今天我能写给一个人的字数已经用完。请过 { $span }再来。
denied-admin = 这是管理我的人用的。发送 /help 看看我能为你做什么。
invite-accepted = 欢迎！邀请码已经用掉了。
invite-unknown = 我不认识这个邀请码。它可能已经用过或者过期了，请再要一个新的。
span-seconds = { $count } 秒
span-minutes = { $count } 分钟
span-hours = { $count } 小时
refused-busy = 等我回复的人太多了，这条消息我暂时收不下。请过一会儿再发一次。
refused-disk = 磁盘已满，无法保存你的消息。请告诉管理我的人，稍后再发一次。
refused-full = 已经有 { $lines } 条消息在等待。我先回答它们，请稍后再发这一条。
refused-long = 这条消息太长：{ $bytes } 字节，上限是 { $limit }。请分成几段发给我。

# 为什么还没有回复
waiting-nobody = 我负责思考的部分现在没有运行。你的消息已经收好，它一恢复我就回复你。
waiting-loading = 我正在醒来。你的消息已经收好，马上回复你。
waiting-place = { $place ->
    [1] 下一个就轮到你了。
   *[other] 前面还有人在等：你排在第 { $place } 位。
  }
waiting-time = { $place ->
    [1] 下一个就轮到你了
   *[other] 前面还有人在等：你排在第 { $place } 位
  }，{ $seconds ->
    [0] 马上就好。
   *[other] 大约还要 { $seconds } 秒。
  }
waiting-range = { $place ->
    [1] 下一个就轮到你了
   *[other] 前面还有人在等：你排在第 { $place } 位
  }，大概{ $least ->
    [0] 最多还要 { $latest }。
   *[other] 还要 { $earliest }–{ $latest }。
  }
waiting-behind = 我还在别的对话里回复你，接下来就轮到这里。

# 写给可能有危险的人；号码在 bot/conduct.toml 里
care = 谢谢你告诉我，我很认真地在听。我是一个程序，没办法守在你身边，但有人可以，现在就可以。
    如果此刻有危险，请拨打急救或报警电话：{ $emergency }
    { $resources }
    身边有没有你可以打电话或去找的人？不用想好怎么说，一句“我不太好”就够了。
disclosure = 先说一声：我是 AI，一个计算机程序，不是真人。我可能会出错，也代替不了关心你的人。

command-start = 认识一下；加上人物的名字就认识那一位
command-help = 我能听懂什么
command-new = 开始新的对话；说过的话仍然保存，但我不再以它为依据
command-reset = 忘掉这段对话里说过的一切
command-persona = 查看或选择人物
command-think = 思考过程：hide 隐藏、show 显示、off 关闭（回答更快）
command-memory = 这段对话里我记得什么
command-stop = 停止正在写的回答
command-retry = 重新回答上一条；list 列出所有回答，数字选用其中一条
command-undo = 收回我的上一条消息和它的回答
command-edit = 换个说法改写我的上一条消息
command-language = 我和你说话用的语言
command-privacy = 保存了什么、在哪里、多久，以及怎样清除
command-export = 关于你保存的一切，以文件形式给你
command-forget = 在所有地方清除关于你的一切
command-stats = 我们聊了多少
command-about = 我是什么，运行着什么
command-safety = 我怎样保护你的安全
command-quit = 离开

help = 直接和我聊天就可以。我还听得懂：
help-line = { $name } – { $what }
unknown-command = 我不认识 { $name }。发送 /help 看看我能听懂什么。
new-done = 新的对话开始了。想聊点什么？
start-honest = 我是 { $title }，一个 AI：是程序，不是人，也会出错。/privacy 说明我会保存什么，/help 说明我能听懂什么。
button-anew = ↻ 重新回答
button-auto = 自动
button-forget = 全部清除
button-keep = 保留
button-reset = 忘掉这段对话
kept = 什么都没有清除。
busy-now = 你有一条消息我还在处理。请等我回答完，或者先发送 /stop。
reset-sure = 我会忘掉这段对话的全部 { $turns } 轮内容，谁也无法恢复。确定的话，请写：/reset yes（或 /reset 确定）
reset-done = { $turns ->
    [0] 没有需要忘记的内容，我们重新开始。
   *[other] 已忘记 { $turns } 轮对话，我们重新开始。
  }
persona-list = 你正在和 { $current } 聊天。选择人物：/persona 名字
persona-line = { $name } – { $title }：{ $about }
persona-chosen = 现在和你聊天的是 { $title }。
persona-unknown = 没有叫“{ $name }”的人物。可选：{ $names }。
think-now = 思考设置为“{ $mode }”。可选：/think hide、/think show 或 /think off
think-label = { $mode ->
    [hide] 隐藏
    [show] 显示
   *[off] 关闭
  }
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
retry-alone = 我只回答过一次。发送 /retry 可以再回答一次。
retry-list = 我回答过 { $variants } 次，带 ✓ 的是现在采用的。选用其他回答：/retry 编号
retry-picked = 现在采用第 { $variant } 个回答（共 { $variants } 个）：
retry-unknown = 可选的回答是 1 到 { $variants }，/retry list 可以查看。
undo-done = 已收回，连同我的回答：“{ $said }”
undo-before = 已收回，连同我的回答。
undo-none = 没有可以收回的内容。
edit-none = 还没有可以修改的消息。
edit-unchanged = 我没有改动：内容和原来一样，或者它之后已经有别的消息了。
edit-offer = 你改了刚才的消息。要我按新的内容重新回答吗？
edit-old = 没有还需要回答的改动了。
edit-usage = 请把新的内容写在后面：/edit 内容
language-list = 我和你说话用的语言：{ $current }。选择：/language auto，或者：
language-by-itself = 自动
language-line = /language { $name } – { $what }
language-chosen = 现在我们说中文。
language-auto = 我又按你的应用语言来说话了。
language-unknown = 我不会“{ $name }”这种语言。可选：{ $names }。
privacy =
    我会保存：
    – 你的消息和我的回答，每段对话最多 { $turns } 轮；不保存我的思考过程
    – 你的选择，例如人物和语言；我为你写了多少词元，你上次来是什么时候
    – 平台给你、聊天和我们的消息的编号
    保存在哪里：在运行我的人的数据库里，以及他们可能制作的加密备份里。（我们聊天的平台另有自己的一份，按平台的规则处理。）消息和回答在那里是加密的（AES-256-GCM），用的是你单独的密钥；编号、时间、选择和计数没有加密。
    保存多久：{ $days ->
        [0] 直到你清除为止。
       *[other] 直到你清除，或者你 { $days } 天没有写消息为止。
      }
    你可以做的：/export 把全部内容交给你，/undo 收回上一轮，/reset 忘掉这段对话，/forget 清除一切，连同你的密钥。在那之前制作的备份，要等运行我的人删除后才会消失。
    你是否可以给我写消息记在一份名单上，管理员的操作记在一份日志里，两者都可能有你的编号，/forget 不会改动它们。如果每天的字数有上限，你当天用掉的数量会留到午夜（UTC）。
shared-talk = 在大家共有一段对话的频道里，我会记下每句话是谁说的，并用这个频道的密钥加密。/export 给你你说过的话，以及我只对你一个人的回答；/forget 清除你说过的话和我对它们的每个回答。别人说的话和我对他们的回答会保留，即使其中提到了你。
export-done = { $turns ->
    [0] 这是我保存的关于你的一切，其中没有对话。
   *[other] 这是我保存的关于你的一切，共 { $turns } 轮对话：一份便于阅读，一份供程序使用（JSON）。
  }
export-head = 关于 { $person } 在 { $name } 上保存的一切
export-choices = 选择：
export-chat-choices = 这个聊天的选择：
export-usage = 计数：
export-marks = 我最后一次见到你的时间，以及我提醒过你的事会记到什么时候：
export-messages = 我在那里的消息编号：{ $ids }
export-lists = 含有你的名单：
export-log = 管理员操作日志中与你有关的记录：
export-nothing = 没有保存任何对话。
export-conversation = 聊天 { $chat }，话题 { $thread }
export-shared = 聊天 { $chat }，话题 { $thread }，大家共有的一段对话：其中属于你的部分
export-answered-several = （我的回答同时是给别人的，不在其中。）
export-variant = （另一个回答：{ $reply }）
export-waiting = 等待回答：
export-put-aside = 没能回答，先放到一边：
forget-sure = 我会清除关于你的一切：我们所有的对话，你所有的选择和计数，等待中和放到一边的消息，以及你的密钥。我无法恢复；可以先用 /export 取得一份。确定的话，请写：/forget yes（或 /forget 确定）
forget-done = { $turns ->
    [0] 已清除。我不再知道关于你的任何事。
   *[other] 已清除，包括 { $turns } 轮对话。我不再知道关于你的任何事。
  }
stats-turns = 这段对话有 { $here } 轮，我一共回答过你 { $turns } 次。
stats-since = 我记得的最早一轮在 { $oldest }。
stats-tokens = 我为你写的词元：今天 { $today }，一共 { $tokens }。
stats-left = 今天（UTC）还剩 { $left }，上限是 { $limit }。
about = Companion { $version }：开源，MIT 许可证。我是 AI，一个逐字写作的程序，背后没有人。
about-model = 模型：{ $model }（引擎：{ $engine }）
about-asleep = 我负责思考的部分现在没有运行。
about-owner = 运行我的人在设置里写明了身份，由他们对我在这里的行为负责。
about-nobody = 运行我的人没有在设置里写明身份。

safety = 我是 AI，一个计算机程序，不是真人。{ $hours ->
    [0] 初次见面时我会说明，你问起时也会如实回答。
   *[other] 初次见面时我会说明，你问起时也会如实回答；聊天期间每隔 { $hours } 小时提醒一次。
  }
    如果一条消息听起来像是你可能伤害自己或不想活下去，我会立刻用关心的话和求助电话回应，这条消息不会交给模型。判断靠固定的规则，所以我可能漏掉，也可能弄错。这只会计一个数，不记你的名字和内容，也不会告诉任何人。
    遇到危险，请拨打急救或报警电话：{ $emergency }
    { $resources }
safety-changed = 管理我的人补充了这些规则或号码。
safety-without-care = 管理我的人关闭了对自伤迹象的回应：我不会留意这些迹象。上面的号码仍然可以帮到你。
safety-without-disclosure = 管理我的人关闭了聊天期间“我是 AI”的提醒。

# 写给管理我的人
alert-conduct = 行为规则文件有错，我继续使用上一份正确的。{ $problem }
alert-dead = 有一条消息三次都没能回答，已放到一边。查看：companion admin dead list
alert-disk = 磁盘快满了，满了以后我就收不下新消息。所在文件夹：{ $folder }
alert-persona = 有个人物文件有错，我继续使用上一份正确的。{ $problem }
alert-report = { $whom } 举报了我的一条消息：{ $link }
alert-settings = 设置有错，我继续使用上一份正确的。{ $problem }
alert-worker = 已经有 { $minutes } 分钟没有工作进程在运行，而有人正在等回复。检查：companion doctor

console-welcome = 你正在和 { $persona } 聊天。/help 查看帮助，/quit 离开。
console-prompt = 你
console-thinking = 思考中……
console-thought = 思考了 { $seconds } 秒
console-choices = （{ $names }）
console-saved = 已保存为 { $path }。这个文件归你：/forget 不会清除它。
console-not-saved = 没能保存到 { $folder }：{ $problem }。请腾出空间，或检查这个文件夹，然后再试一次。
console-variant = 第 { $variant } 个回答，共 { $variants } 个 · /retry list
console-bye = 再见。
console-stop-hint = （Ctrl-D 或 /quit 离开）
console-lost = 连不上 Redis 了。你的上一条消息可能没有送达，请再发一次。

command-channel = 这个频道里所有人共用一份记忆，还是各自一份
command-admin = 给管理我的人：人员、限制和出错的消息
admin-help = 管理员可以这样用。WHOM 是用户编号；chat 和 server 指当前的聊天和服务器，也可以写上别的编号：
admin-reset = 忘掉一个人或一个聊天里的全部对话
admin-persona = 为一个人或一个聊天选择人物
admin-block = 不再接收一个人、一个聊天或一个服务器的消息
admin-unblock = 解除屏蔽
admin-allow = 在仅限邀请时，放行一个人、一个聊天或一个服务器
admin-disallow = 收回放行或已使用的邀请
admin-invite = 生成一个邀请码，供一个人使用
admin-stats = 我现在的情况
admin-dead = 我没能回答的消息
admin-usage = 我没看懂。
admin-no-server = 这个聊天不属于任何服务器。你可以写上服务器的编号。
admin-not-an-id = 这不是用户编号。我按平台给的编号认人，不按名字。
admin-usage-line = 写法：{ $usage }
admin-owner = 对方是所有者，只有所有者才能这样做。
admin-above-lists = 对方在设置里是所有者或管理员，屏蔽对其无效。请先把对方从设置里去掉。
admin-sure = { $what }这一步无法撤销。确定的话，请发送：{ $command }
admin-yes = 确定
admin-reset-what = 这会让我忘掉与{ $whom } 的全部对话。
admin-reset-done = { $turns ->
    [0] 没有与{ $whom } 有关的内容需要忘记。
   *[other] 已忘记与{ $whom } 的 { $turns } 轮对话。
  }
admin-persona-done = 从现在起，和{ $whom } 聊天的是 { $title }。
admin-block-done = 已屏蔽{ $whom }。
admin-unblock-done = 已解除对{ $whom } 的屏蔽。
admin-unblock-none = { $whom } 没有被屏蔽。
admin-allow-done = 已放行{ $whom }。
admin-disallow-done = 已收回对{ $whom } 的放行。
admin-disallow-none = { $whom } 不在放行名单上。
admin-invite-done = 这个邀请码供一个人使用，{ $days } 天内有效。请对方把它发给我，或者发送 /start { $code }
admin-stats-worker = 工作进程：{ $model }（{ $stage ->
    [loading] 正在加载
    [warming] 正在预热
    [ready] 就绪
    [restarting] 正在重启
    [failed] 已失败
   *[other] { $stage }
  }），正在写 { $busy } 条回答，最多 { $slots } 条
admin-stats-no-worker = 没有工作进程在运行：消息会一直等着。
admin-stats-waiting = 等待或正在回答的对话：{ $count }
admin-stats-people = 我认识的人：{ $count }
admin-stats-dead = 放到一边的消息：{ $count }
admin-stats-tokens = 今天写出的词元：{ $count }
admin-letter = { $id } – { $whom }：{ $count } 条消息
admin-letter-words = 内容只在命令行里显示：companion admin dead show
admin-no-letter = 没有放到一边的这一条。发送 /admin dead 查看。
admin-replay-done = 我会再试着回答一次。
admin-drop-what = 这会丢掉 { $whom } 的 { $count } 条消息。
admin-drop-done = 已丢掉。
subject-person = 用户 { $id }
subject-chat = 聊天 { $id }
subject-server = 服务器 { $id }

# Chat platforms
cannot = { $what ->
    [sticker] 一张贴纸！我还看不到贴纸，用文字告诉我好吗？
    [voice] 我还听不了声音，打字告诉我好吗？
    [picture] 我还看不到图片，告诉我里面有什么好吗？
    [video] 我还看不了视频，告诉我里面发生了什么好吗？
    [file] 我还读不了文件，你可以把文字粘贴在这里。
    [nothing] 我在。想说的话请和我的名字写在同一条消息里。
   *[other] 我目前只能读文字，用文字告诉我好吗？
  }
words-alone = { $what ->
    [voice] 我还听不了声音，先只回答你写的文字。
    [picture] 我还看不到图片，先只回答你写的文字。
    [video] 我还看不了视频，先只回答你写的文字。
    [file] 我还读不了文件，先只回答你写的文字。
   *[other] 我目前只能读文字，先只回答你写的文字。
  }
quoted = 引用内容，作者是 { $name }
quoted-you = 引用内容，作者是你
told-privately = 我已经在私聊里回答你了。
write-first-telegram = 这些内容只给你一个人看，但我不能先给你发消息。请打开和我的私聊，点“开始”，再在那里问一次。
write-first-discord = 这些内容只给你一个人看，但我没法给你发私信。请在隐私设置里允许来自此服务器的私信，或者直接私信我，再在那里问一次。
button-old = 这个按钮属于较早的消息。
button-of-another = 这些按钮是给我正在回答的那个人的。
go-on = 请继续。

# Telegram
telegram-forwarded = 转发内容，作者是 { $name }
telegram-anonymous = 你匿名发言时，我分不清你是谁，会把你和别人弄混。请用自己的身份写给我。
telegram-hello-group = 大家好！我是 AI，一个计算机程序。想在这里和我聊天，请提到 { $name }、回复我的消息，或者使用 /ask。其他消息我都不读。/privacy 说明我会保存什么。
discord-hello-server-all = 大家好！我是 AI，一个计算机程序。想在这里和我聊天，请提到 { $name }、回复我的消息，或者使用 /chat。在我开的子区里可以直接说话。其他消息 Discord 也会给我看，但我一条都不保存。/privacy 说明我会保存什么。
telegram-command-ask = 和我说话：/ask 加上你的话
telegram-description = 一个 AI 伙伴：它是计算机程序，不是真人，也会出错。随便写点什么就可以开始。/help 查看用法，/privacy 了解会保存什么、如何清除。
telegram-short-description = AI 伙伴：是程序，不是真人。/privacy 说明会保存什么。

# Discord
channel-denied = 只有管理这个服务器的人才能选择。
channel-now = { $memory ->
    [shared] 在这个频道里，大家和我共有一段对话。用 /channel set own 可以让每个人重新各自对话。
   *[own] 在这个频道里，我分开记住每个人和我的对话。用 /channel set shared 可以让大家共有一段对话。
  }
channel-own = 从现在起，我会分开记住这个频道里每个人和我的对话。之前共有的对话已经清除。
channel-shared = 从现在起，这个频道里的所有人和我共有一段对话：我知道每句话是谁说的，也会依据大家在这里对我说过的话来回答。我单独记住的关于你的内容不会用在这里。任何人都可以使用我回答下面的按钮。
channel-memory = { $memory ->
    [shared] 所有人共用一份记忆
   *[own] 每个人各自的记忆
  }
channel-only-managers = 在共用记忆的频道里，只有管理服务器的人才能这样做。
discord-again = 我现在没法记下这句话，请过一会儿再试。
discord-failed = 这次没有成功，请过一会儿再试。
discord-called = 嗯？在我的名字后面写点什么，我就会回答。/help 查看用法。
discord-hello-server = 大家好！我是 AI，一个计算机程序。想在这里和我聊天，请提到 { $name }、回复我的消息，或者使用 /chat。其他消息我都不读。/privacy 说明我会保存什么。
discord-forwarded = 转发内容，作者是别人
discord-command-chat = 和我说话
discord-chat-message = 你想说的话
discord-command-thread = 开一个子区和我聊天
discord-thread-what = 子区的名字
discord-thread-name = 和{ $name }聊天
discord-thread-refused = 这里不能开子区：这不是文字频道，或者我们之中有一方没有权限。
discord-thread-all = 在这里，每条消息我都会读。
discord-thread-named = 在这里也请提到 { $name } 或回复我，我才能看到。
discord-words = { $usage }
discord-value = 选择一项
discord-report = 举报
report-told = 谢谢。我的管理者已经知道是哪条消息、由谁举报；消息内容没有被复制。
report-known = 我的管理者已经知道了，或者还没有留下联系方式。/about 说明他们是谁。
