//! Bounces in plain words, in the manner of many servers.

use super::*;

#[test]
fn free_forms_are_read() {
    for (from, subject, text, want) in [
        (
            "MAILER-DAEMON@mx.example",
            "failure notice",
            "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the \
             following addresses.\n\n<jo@x.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<al@y.example>:\n\
             Connected to 192.0.2.1 but sender was rejected.\nRemote host said: 550 Access denied\n\n\
             --- Below this line is a copy of the message.\n\nReturn-Path: <help@desk.example>\nTo: jo@x.example\n",
            vec!["jo@x.example failed 5.1.1", "al@y.example failed 5.1.8"],
        ),
        (
            "Mailer-Daemon@mx.example",
            "Mail delivery failed: returning message to sender",
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be \
             delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  \
             jo@x.example\n    host mx.x.example [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<jo@x.example>:\n    \
             550 5.1.1 unknown\n  al@y.example\n    retry timeout exceeded\n\n------ This is a copy of the message ------\n",
            vec!["jo@x.example failed 5.1.1", "al@y.example failed 4.4.7"],
        ),
        (
            "MAILER-DAEMON@mx.example",
            "Returned mail: User unknown",
            "   ----- The following addresses had permanent fatal errors -----\n<jo@x.example>\n    (expanded from: <al@x.example>)\n\n   \
             ----- Transcript of session follows -----\n... while talking to mx.x.example.:\n>>> RCPT To:<jo@x.example>\n\
             <<< 550 5.1.1 no such user\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "Undeliverable: Your order",
            "Your message\n\n  To:      jo@x.example\n  Subject: Your order\n\ndid not reach the following recipient(s):\n\n\
             c=US;a= ;p=X;o=Y;dda:SMTP=jo@x.example; on Fri, 4 Oct 2024\n    The recipient name is not recognized\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "DELIVERY FAILURE: User jo (jo@x.example) not listed in Domino Directory",
            "Your message\n\n  Subject: Your order\n\nwas not delivered to:\n\n  jo@x.example\n\nbecause:\n\n  User jo \
             (jo@x.example) not listed in Domino Directory\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "MDaemon@x.example",
            "Permanent Delivery Failure",
            "The following addresses did NOT receive a copy of your message:\n\n> jo@x.example\n\n--- Session Transcript ---\n\
             <-- 220 x.example ESMTP MDaemon 3.5.2\n--> RCPT To:<jo@x.example>\n<-- 550 Requested action not taken: mailbox full\n",
            vec!["jo@x.example failed 5.2.2"],
        ),
        (
            "postmaster@x.example",
            "Undeliverable Mail",
            "Unknown user: jo@x.example\n\nUser mailbox exceeds allowed size: al@x.example\n\nOriginal message follows.\n\nTo: ed@x.example\n",
            vec!["jo@x.example failed 5.1.1", "al@x.example failed 5.2.2"],
        ),
        (
            "MAILER-DAEMON@online.example",
            "Mail Delivery Problem",
            "Your mail to the following recipients could not be delivered because they are not accepting mail:\n\tjolly\n",
            vec!["jolly@online.example failed 5.7.1"],
        ),
        (
            "MAILER-DAEMON@x.example",
            "Delivery status notification: warning",
            "A message is delayed for more than 4 hours for the following\nlist of recipients:\n\njo@x.example: Network error\n\n\
             The message is kept in the queue for up to 4 days.\n",
            vec!["jo@x.example delayed 4.4.1"],
        ),
        (
            "Mailer-Daemon@x.example",
            "Unzustellbar: Ihre Bestellung",
            "Ihre Nachricht konnte an die folgenden Empfänger nicht zugestellt werden:\n\njo@x.example\n550 5.1.1 unbekannt\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "配信エラー",
            "以下のメールアドレスへの送信に失敗しました。\njo@x.example\n-------server message\n550 jo@x.example... No such user\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "系统退信",
            "您好，您的邮件无法送达：\n收件人邮件地址：jo@x.example\n退信原因：User not found\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "Message you sent blocked by our filter",
            "Your message to: jo@x.example\nwas blocked by our firewall. It has not been delivered.\n",
            vec!["jo@x.example failed 5.7.1"],
        ),
        (
            "MAILER-DAEMON@x.example",
            "Mail could not be delivered",
            "Message from the gateway\n\nSent <<< RCPT TO:<jo@x.example>\nReceived >>> 550 5.1.1 <jo@x.example>... user unknown\n\n\
             Could not deliver mail to this user.\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "Undeliverable mail",
            "Your message:\n   From: help@desk.example\n   Subject: Your order\nCould not be delivered because of\n\n550 5.7.1 policy\n\n\
             The following recipients were affected:\n   jo@x.example\n",
            vec!["jo@x.example failed 5.7.1"],
        ),
        (
            "MAILER-DAEMON@mx.example",
            "Delivery Status Notification (Failure)",
            "Delivery to the following recipient failed permanently:\n\n     jo@x.example\n\nTechnical details of permanent failure:\n\
             We tried, but it was rejected by the server of the recipient's domain.\n\nThe error that the other server returned was:\n\
             550 5.1.1 <jo@x.example>: user unknown\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "Email Delivery Failure",
            "A message you sent to\n\n  <jo@x.example>\n\ncould not be delivered: 550 Invalid Recipient\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "post_master@x.example",
            "Undeliverable Message",
            "Error:\n  jo@x.example: Invalid user address\n\nMessage details:\n  Subject: Lamp\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "Undeliverable message",
            "Your message could not be delivered as addressed.\n\nReceiver: jo@x.example\nInvalid receiver address\n\n--- Returned message ---\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "来自 x.example 的退信",
            "抱歉！您的邮件被退回来了。\n收件人：jo@x.example\n退信原因：邮箱不存在\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "postmaster@x.example",
            "Echec de remise",
            "Votre message n'a pas été remis à :\n\n  jo@x.example\n\ncar : utilisateur inconnu\n",
            vec!["jo@x.example failed 5.1.1"],
        ),
        (
            "list-admin@x.example",
            "Not a member",
            "Your mail to <list@x.example> is not accepted.\n\nOriginal mail as follows:\n\n  From: you\n",
            vec!["list@x.example failed 5.7.1"],
        ),
    ] {
        let read = read(&envelope(NULL), &mail(from, subject, text));
        assert_eq!(read.as_ref().map(summary).unwrap_or_default(), want, "{text}");
    }
}
